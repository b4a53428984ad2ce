import { existsSync } from 'node:fs';
import { SetupError } from '../base/errors';
import { flag } from '../base/flags';
import type { LibtorchDevice } from './libtorch';
import { outputOf } from './run';

/** Which build of libtorch is wanted, and whether a person asked for it or it is only the best guess. */
export interface DeviceChoice {
  readonly device: LibtorchDevice;
  readonly asked: boolean;
}

/**
 * Which build of libtorch set-up should take: what the caller says, else `EQUINODE_DEVICE`, else the CUDA build where
 * both a driver and the compiler that the build needs are found.
 *
 * @throws ERR_SETUP when EQUINODE_DEVICE is neither cpu nor cuda.
 */
export function chooseDevice(device?: LibtorchDevice): DeviceChoice {
  if (device !== undefined) return { device, asked: true };
  const chosen = flag('EQUINODE_DEVICE');
  if (chosen === 'cpu' || chosen === 'cuda') return { device: chosen, asked: true };
  if (chosen !== undefined) {
    throw new SetupError(`EQUINODE_DEVICE: expected cpu or cuda, got ${JSON.stringify(chosen)}.`);
  }
  return { device: hasCudaDriver() && hasCudaCompiler() ? 'cuda' : 'cpu', asked: false };
}

/** Whether an NVIDIA driver runs on this machine. */
export function hasCudaDriver(): boolean {
  return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidiactl');
}

/** The highest major CUDA version that the driver serves, such as 13; `undefined` if it does not say. */
export function driverCudaMajor(): number | undefined {
  const text = outputOf('nvidia-smi', []);
  const major = text === undefined ? undefined : /CUDA Version:\s*(\d+)\./.exec(text)?.[1];
  return major === undefined ? undefined : Number(major);
}

/** Whether nvcc is on the PATH or where CUDA_HOME says: libtorch's CMake files ask for it in CUDA builds. */
export function hasCudaCompiler(): boolean {
  const home = process.env['CUDA_HOME'] ?? '/usr/local/cuda';
  return existsSync(`${home}/bin/nvcc`) || outputOf('nvcc', ['--version']) !== undefined;
}
