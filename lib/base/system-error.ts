/**
 * Why the operating system, or a library of Node's, refused: `ENOENT: no such file or directory`, without the
 * call and the path that Node's messages repeat.
 */
export function systemReason(cause: unknown): string {
  // Not `instanceof Error`: Node's own errors may come from another realm than this module.
  const { code, message } = cause as { code?: unknown; message?: unknown };
  if (typeof message !== 'string') return String(cause);
  return typeof code === 'string' && message.startsWith(code) ? (message.split(',')[0] ?? message) : message;
}
