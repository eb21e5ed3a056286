/**
 * V8 optimizes a function only after it has run about fifteen times as long as by default. A process of tests runs few
 * functions for long, and the optimizing compiler took a sixth of its CPU time. To be loaded with `--require`.
 */
const { setFlagsFromString } = require('node:v8');

const before22 = Number(process.versions.node.split('.')[0]) < 22;
// The defaults are 67,584 (bytes of bytecode) and 3,000 (calls). A version that lacks the flag ignores it.
setFlagsFromString(before22 ? '--interrupt-budget=1000000' : '--invocation-count-for-turbofan=45000');
