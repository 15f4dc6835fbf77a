/**
 * Tests run as compiled by `tsc -b`; one ava run a package finds this file from its own folder.
 * With `TROUPE_TESTS=runtime` those are left out that only compute, and come to the same on every
 * Node.js: what compilers make of the types, and the mistakes that simulators have to find.
 */
const isForRuntime = process.env['TROUPE_TESTS'] === 'runtime';

export default {
  files: ['dist-test/**/*.test.js', ...(isForRuntime ? ['!dist-test/package/**'] : [])],
  ...(isForRuntime && { match: ['!*a mistake*is found: *'] }),
  timeout: '60s',
};
