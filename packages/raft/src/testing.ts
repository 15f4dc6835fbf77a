export { MemoryDisk } from './memory-disk.ts';
export { showConfiguration, showEntry, showMessage, showPosition } from './notation.ts';
