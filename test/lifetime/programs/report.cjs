// What the programs of this folder share: the built library, and how they report.
const { join } = require('node:path');

/** The built library; EQUINODE_ENTRY names another copy of it. */
exports.eqx = require(process.env.EQUINODE_ENTRY ?? join(__dirname, '../../../dist/lib/index.js'));

/** Resident memory of the process in MB. */
exports.rss = () => process.memoryUsage.rss() / 1e6;

/** The program's result: the last line of its output, read by test/lifetime/run-program.ts. */
exports.report = (result) => {
  console.log(JSON.stringify(result));
};
