export { cond } from './cond';
export { foriLoop } from './fori-loop';
export { map, type MapOptions } from './map';
export { scan, type ScanOptions } from './scan';
export { switchCase } from './switch-case';
export { whileLoop, type WhileKind, type WhileLoopOptions } from './while-loop';
