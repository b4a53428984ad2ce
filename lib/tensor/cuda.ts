import { native } from '../native';

/** How many CUDA devices there are; 0 with a libtorch for the CPU. */
export function deviceCount(): number {
  return native().cudaDeviceCount();
}

/** Whether a CUDA device can be used. */
export function isAvailable(): boolean {
  return deviceCount() > 0;
}
