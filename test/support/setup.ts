// Test files run side by side, one process each: more threads than cores would make all of them wait.
process.env['EQUINODE_NUM_THREADS'] ??= '1';
