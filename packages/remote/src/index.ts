export { Endpoint } from './endpoint.ts';
export type { EndpointOptions, EndpointRouter } from './endpoint.ts';
export type { Peer } from './peer.ts';
export type { Exchanges } from './exchanges.ts';
export { Lines } from './lines.ts';
export { acceptProved, dialProved } from './link.ts';
export type { DialProvedOptions, LinkOptions, Make, Proved } from './link.ts';
export type { Again, CallMessage, Destination, FailedCall } from './outgoing.ts';
export type { Message, Router } from './incoming.ts';
export type { EntityTarget, Target } from './frames.ts';
export { tcpTransport } from './tcp-transport.ts';
export { networkTransport } from './network-transport.ts';
export { advertisedTransport } from './advertised.ts';
export { unixTransport } from './unix-transport.ts';
export { checkTls, tlsTransport } from './tls-transport.ts';
export type { TlsCredentials, TlsSource, TlsTransport } from './tls-transport.ts';
export { ToldCertificates } from './told-certificates.ts';
export { CertificateRefused } from './certificate-refused.ts';
export type { CertificateIssue } from './certificate-refused.ts';
export type { CallerIdentity } from './caller.ts';
export { webSocketTransport } from './websocket-transport.ts';
export { ThreadHub } from './thread-hub.ts';
export { workerTransport } from './thread-transport.ts';
export { MemoryNetwork } from './memory-transport.ts';
export { connectionRefused, ListenFailed } from './transport.ts';
export type {
  Connection,
  ConnectionHandler,
  DatagramReceiver,
  DatagramSocket,
  DialOptions,
  Listener,
  Transport,
} from './transport.ts';
export { isEverywhere } from './address.ts';
export { checkOutsiders } from './outsider-options.ts';
export { Outsiders } from './outsiders.ts';
export type { OutsiderHost, OutsiderIdentity, OutsiderOptions } from './outsiders.ts';
export type { OutsiderCall } from './outsider-session.ts';
export type { WebSocketVisit } from './websocket-listener.ts';
export { connect, OutsiderClient } from './outsider-client.ts';
export type { OutsiderClientOptions, WebSocketLike } from './outsider-line.ts';
export { OutsiderRefused } from './outsider-refused.ts';
export { HandshakeRefused, secretsOf } from './handshake.ts';
export { refuseWeakSecret, WeakSecret } from './secret.ts';
export type { PeerIdentity, RefusalReason, Secret } from './handshake.ts';
export { DEFAULT_PEER_LIMITS } from './peer-limits.ts';
export type { PeerLimits } from './peer-limits.ts';
export { pause, retrying } from './retry.ts';
export type { Retry } from './retry.ts';
export { BadFrame } from './bad-frame.ts';
export { CborCodec } from './cbor-codec.ts';
export { BadBytes, DEFAULT_CODEC_LIMITS, PORT_TAG_MAX } from './codec.ts';
export type { Codec, CodecLimits, ValuePort } from './codec.ts';
export { wireCopy } from './wire-copy.ts';
export { errorFromWire, errorToWire } from './wire-error.ts';
export type { ErrorClass, ErrorToWireOptions } from './wire-error.ts';
