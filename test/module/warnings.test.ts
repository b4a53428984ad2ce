import { Module, field } from '../../lib/module';
import { full } from '../../lib/ops';
import { leaves } from '../../lib/tree';

describe('warnings', () => {
  let emitWarning: jest.SpyInstance;
  beforeEach(() => {
    emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  });
  afterEach(() => {
    emitWarning.mockRestore();
  });

  test('come once for a static field that holds a tensor, also inside a container', () => {
    class Wrong extends Module {
      static readonly fields = { scale: field({ static: true }) };
      readonly scale = [1, full([2], 1)];
    }
    leaves(new Wrong());
    leaves(new Wrong());
    expect(emitWarning.mock.calls).toEqual([
      [
        'Wrong: the static field .scale holds a tensor. Static fields are compared, not traced: it gets no ' +
          'gradient, and a compiled function keeps its value. Leave `static` away, or keep a number.',
        'EquinodeWarning',
      ],
    ]);
  });

  test('come for a bound method in a field', () => {
    class Bound extends Module {
      readonly act: () => number;
      constructor() {
        super();
        this.act = this.forward.bind(this);
      }
      forward(): number {
        return 1;
      }
    }
    leaves(new Bound());
    expect(emitWarning.mock.calls).toEqual([
      [
        'Bound: the field .act holds a bound method (bound forward). What a bound function holds is hidden ' +
          'from transforms: its tensors get no gradients. Keep the module itself in the field and call its method.',
        'EquinodeWarning',
      ],
    ]);
  });

  test('do not come for tensors in other fields, or for other static values', () => {
    class Right extends Module {
      static readonly fields = { size: field({ static: true }) };
      readonly size = [1, { a: 'x' }];
      readonly weight = full([2], 1);
      readonly act = Math.abs;
    }
    leaves(new Right());
    expect(emitWarning).not.toHaveBeenCalled();
  });
});
