import { call, isCallable, Module } from '../../lib/module';

class Scale extends Module {
  readonly by: number;

  constructor(by: number) {
    super();
    this.by = by;
  }

  forward(x: number): number {
    return x * this.by;
  }
}

describe('call', () => {
  test('applies functions and modules alike', () => {
    const layers = [new Scale(3), Math.abs, (x: number) => x + 1];
    expect(layers.reduce((x, layer) => call(layer, x), -2)).toBe(7);
  });

  test('throws for anything else', () => {
    expect(() => call({} as never)).toThrow(
      'call: expected a function or a module with a method `forward`, got object {}. Write `forward`, or pass another method.',
    );
    expect(() => call(null as never)).toThrow('got null');
  });
});

test('isCallable tells what call can apply', () => {
  expect([Math.abs, new Scale(1), { forward: () => 1 }].map(isCallable)).toEqual([true, true, true]);
  expect([1, null, undefined, {}, { forward: 1 }].map(isCallable)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});
