// What Troupe's own packages build on. Not part of the public surface: it may change in any release.
export { ioBudgetOf, IoBudget } from './io-budget.ts';
export { xorshift } from './env.ts';
