export { testSystem } from './test-system.ts';
export type { TestSystem, TestSystemOptions } from './test-system.ts';
export { ActorProbe, virtualEnv } from '@troupe/actor/testing';
export type { LogLine, ProbedMessage, VirtualEnv } from '@troupe/actor/testing';
