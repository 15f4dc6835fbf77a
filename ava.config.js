/** Tests run as compiled by `tsc -b`; one ava run a package finds this file from its own folder. */
export default {
  files: ['dist-test/**/*.test.js'],
  timeout: '60s',
};
