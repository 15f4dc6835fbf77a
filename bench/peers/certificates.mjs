// Writes an authority and a certificate for 127.0.0.1: `node certificates.mjs FOLDER`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

const [folder] = process.argv.slice(2);
const ca = await generate([{ name: 'commonName', value: 'bench authority' }], {
  keyType: 'ec',
  algorithm: 'sha256',
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ],
});
const node = await generate([{ name: 'commonName', value: 'node' }], {
  ca: { key: ca.private, cert: ca.cert },
  keyType: 'ec',
  algorithm: 'sha256',
  extensions: [
    { name: 'basicConstraints', cA: false },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
  ],
});
const files = { 'key.pem': node.private, 'cert.pem': node.cert, 'ca.pem': ca.cert };
for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
