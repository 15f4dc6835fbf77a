export { connect, OutsiderRefused } from '@troupe/remote/browser';
export type { OutsiderClient, OutsiderClientOptions, WebSocketLike } from '@troupe/remote/browser';
