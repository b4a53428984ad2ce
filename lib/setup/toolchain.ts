import { outputOf } from './run';

/** A program that the native build needs and this machine lacks. */
export interface MissingTool {
  /** What is missing, in words. */
  readonly what: string;
  /** Debian's package that brings it. */
  readonly debianPackage: string;
}

/** The programs that the native build needs and that are not there. */
export function missingTools(): MissingTool[] {
  const has = (program: string): boolean => outputOf(program, ['--version']) !== undefined;
  const missing: MissingTool[] = [];
  if (!has('c++') && !has('g++') && !has('clang++')) {
    missing.push({ what: 'a C++20 compiler', debianPackage: 'g++' });
  }
  if (!has('cmake')) missing.push({ what: 'cmake', debianPackage: 'cmake' });
  if (!has('ninja') && !has('make')) missing.push({ what: 'make or ninja', debianPackage: 'make' });
  return missing;
}
