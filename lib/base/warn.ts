const given = new Set<string>();

/**
 * Warns once for each `subject`, as a Node warning of type `EquinodeWarning`: on stderr unless the program listens
 * to `process.on('warning')` or silences warnings.
 */
export function warnOnce(subject: string, message: string): void {
  if (given.has(subject)) return;
  given.add(subject);
  process.emitWarning(message, 'EquinodeWarning');
}
