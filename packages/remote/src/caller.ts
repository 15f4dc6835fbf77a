export type { CallerIdentity } from '@troupe/actor';
