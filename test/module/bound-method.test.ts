import { bind, BoundMethod, call, Module, treeEqual } from '../../lib/module';
import { Tensor } from '../../lib/tensor/tensor';
import { tensor } from '../../lib/tensor/create';
import { filterGrad, filterJit } from '../../lib/transform';
import { flattenWithPath, keystr, map } from '../../lib/tree';

class Scale extends Module {
  readonly by: Tensor;

  constructor(by: number) {
    super();
    this.by = tensor([by]);
  }

  apply(x: Tensor): Tensor {
    return this.by.mul(x).sum();
  }
}

describe('bind', () => {
  test('gives a module whose leaves are those of the method’s module', () => {
    const bound = bind(new Scale(3), 'apply');
    expect(bound).toBeInstanceOf(BoundMethod);
    expect(flattenWithPath(bound)[0].map(([path]) => keystr(path))).toEqual(['.self.by']);
    expect(Number(bound.forward(tensor([2])))).toBe(6);
    const doubled = map((x: Tensor) => x.mul(2), bound);
    expect(Number(call(doubled, tensor([2])))).toBe(12);
    expect(String(bound)).toBe("BoundMethod(self=Scale(by=f32[1]), method='apply')");
  });

  test('gives equal trees for equal modules, and others for other methods', () => {
    class Two extends Module {
      readonly x = 13;
      f(): number {
        return this.x;
      }
      g(): number {
        return -this.x;
      }
    }
    expect(treeEqual(bind(new Two(), 'f'), bind(new Two(), 'f'))).toBe(true);
    expect(treeEqual(bind(new Two(), 'f'), bind(new Two(), 'g'))).toBe(false);
  });

  test('shows the parameters to transforms: gradients reach them, and a compiled function does not keep them', () => {
    const x = tensor([2]);
    const bound = bind(new Scale(3), 'apply');
    const gradient = filterGrad((f: typeof bound) => f.forward(x))(bound);
    expect(gradient.self.by.toArray()).toEqual([2]);
    const jitted = filterJit((f: typeof bound, x: Tensor) => f.forward(x));
    expect(Number(jitted(bound, x))).toBe(6);
    expect(Number(jitted(bind(new Scale(4), 'apply'), x))).toBe(8);
  });

  test('may be kept in a field, without a warning', () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    class Holder extends Module {
      readonly act = bind(new Scale(3), 'apply');
    }
    expect(map((x: Tensor) => x, new Holder()).act.forward(tensor([1]))).toBeInstanceOf(Tensor);
    expect(emitWarning).not.toHaveBeenCalled();
    emitWarning.mockRestore();
  });

  test('refuses what is no module, and what is no method', () => {
    expect(() => bind({ f: () => 1 } as never, 'f' as never)).toThrow(
      'bind: expected a module, got object {f}. Use Partial for functions.',
    );
    expect(() => bind(new Scale(1), 'by' as never)).toThrow(
      'bind: expected the name of a method of Scale, got "by".',
    );
  });
});
