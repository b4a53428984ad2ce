import { Module, moduleUpdateWrapper } from '../../lib/module';
import { leaves, map, structure } from '../../lib/tree';

class Wrapper extends Module {
  readonly fn: unknown;

  constructor(fn: unknown) {
    super();
    this.fn = fn;
  }

  get wrapped(): unknown {
    return this.fn;
  }
}

describe('moduleUpdateWrapper', () => {
  test('gives a copy the name of what it wraps, also after rebuilding', () => {
    const plain = new Wrapper(Math.abs);
    const named = moduleUpdateWrapper(plain);
    for (const node of [named, map((x: unknown) => x, named)]) {
      expect(node).toBeInstanceOf(Wrapper);
      expect((node as Wrapper & { name: string }).name).toBe('abs');
      expect(String(node)).toBe('<wrapped function abs>');
      expect(Object.keys(node)).toEqual(['fn']);
    }
    expect('name' in plain).toBe(false);
    expect(leaves(named)).toEqual([Math.abs]);
    expect(structure(named).equals(structure(plain))).toBe(false);
    expect(structure(named).equals(structure(moduleUpdateWrapper(new Wrapper(Math.abs))))).toBe(true);
  });

  test('takes the wrapped function as an argument, and modules', () => {
    expect(String(moduleUpdateWrapper(new Wrapper(null), Math.sin))).toBe('<wrapped function sin>');
    expect(String(moduleUpdateWrapper(new Wrapper(new Wrapper(1))))).toBe('<wrapped function Wrapper>');
    expect(String(moduleUpdateWrapper(new Wrapper(moduleUpdateWrapper(new Wrapper(Math.abs)))))).toBe(
      '<wrapped function abs>',
    );
  });

  test('refuses a module that wraps nothing', () => {
    expect(() => moduleUpdateWrapper(new Wrapper(1))).toThrow(
      'moduleUpdateWrapper: expected a module with a property `wrapped`, got Wrapper(fn=*). ' +
        'Define `get wrapped()`, or pass the function as the second argument.',
    );
  });
});
