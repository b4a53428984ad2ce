import { flag } from '../base/flags';
import { outputOf } from './run';

// Finds torch without importing it, which would take seconds.
const findTorch = `
import importlib.util
spec = importlib.util.find_spec('torch')
places = (spec and spec.submodule_search_locations) or []
print(next(iter(places), ''))
`;

/** The active Python: `EQUINODE_PYTHON`, else `python3`. It may not exist. */
export function activePython(): string {
  return flag('EQUINODE_PYTHON') ?? 'python3';
}

/** The folder of the `torch` package of the active Python; `undefined` without Python or without torch. */
export function torchOfPython(): string | undefined {
  const folder = outputOf(activePython(), ['-c', findTorch]);
  return folder === '' ? undefined : folder;
}

/** Whether the active Python has pip. */
export function hasPip(): boolean {
  return outputOf(activePython(), ['-m', 'pip', '--version']) !== undefined;
}
