// Go's rules for channels, as cases that any carrier of channel ends can run, without a runner.
import type { ChannelCase } from './conformance/case.ts';
import { closing } from './conformance/closing.ts';
import { consumers } from './conformance/consumers.ts';
import { operations } from './conformance/operations.ts';
import { pipelines } from './conformance/pipelines.ts';
import { powerSeries } from './conformance/power-series.ts';
import { selectTable } from './conformance/select-table.ts';
import { selects } from './conformance/selects.ts';
import { waiters } from './conformance/waiters.ts';

export type { Carrier, ChannelCase, ChannelEnds, Need } from './conformance/case.ts';

/**
 * Every behaviour of Go 1.19's `test/chan`, `runtime/chan_test.go` and the channel programs beside
 * them, each named after where it comes from. What Go's compiler refuses (`perm.go`) is for the
 * types to refuse.
 */
export const cases: readonly ChannelCase[] = [
  ...operations,
  ...closing,
  ...selects,
  ...waiters,
  ...selectTable,
  ...consumers,
  ...pipelines,
  ...powerSeries,
];
