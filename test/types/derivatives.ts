/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- they are what is compared */
// Checked by the compiler alone: the types of derivatives.
import { Module } from '../../lib/module';
import type { ShapeDtypeStruct } from '../../lib/tensor/shape-dtype-struct';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  checkpoint,
  closureConvert,
  customJvp,
  customVjp,
  evalShape,
  filterCheckpoint,
  filterClosureConvert,
  filterHessian,
  filterJacfwd,
  filterJacrev,
  filterJvp,
  filterPureCallback,
  filterVjp,
  hessian,
  jacfwd,
  jacrev,
  jvp,
  pureCallback,
  stopGradient,
  vjp,
} from '../../lib/transform';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** `exactly<T>()(value)` compiles only if the type of `value` is `T`. */
function exactly<T>(): <U>(value: U, ...proof: Same<T, U> extends true ? [] : ['different types']) => void {
  return () => undefined;
}

declare const x: Tensor;
declare const net: Net;

class Net extends Module {
  readonly weight = x;
  forward(y: Tensor): Tensor {
    return y;
  }
}

const sine = (a: Tensor): Tensor => a.sin();
const loss = (m: Net, a: Tensor): Tensor => m.forward(a);

exactly<[value: Tensor, tangent: Tensor]>()(jvp(sine, [x], [x]));
exactly<Tensor>()(vjp(sine, x)[0]);
exactly<[a: Tensor]>()(vjp(sine, x)[1](x));
exactly<[m: Net, a: Tensor]>()(filterVjp(loss, net, x)[1](x));
exactly<[value: Tensor, tangent: Tensor]>()(filterJvp(sine, [x], [x]));
exactly<Tensor>()(jacfwd(sine)(x));
exactly<Tensor>()(hessian(sine)(x));
exactly<Net>()(filterJacfwd(loss)(net, x));
exactly<Net>()(filterJacrev(loss)(net, x));
exactly<Tensor>()(filterHessian(sine)(x));
exactly<unknown>()(filterHessian(loss)(net, x));
exactly<Tensor>()(checkpoint(sine)(x));

const lossAux = (m: Net, a: Tensor): [Tensor, { readonly steps: number }] => [m.forward(a), { steps: 1 }];
const sineAux = (a: Tensor, b: Tensor): [Tensor, string] => [a.sin().mul(b), 'seen'];
exactly<[jacobian: Tensor, aux: string]>()(jacfwd(sineAux, { hasAux: true })(x, x));
exactly<[jacobian: Tensor, aux: string]>()(jacrev(sineAux, { hasAux: true, argnums: 1 })(x, x));
exactly<[jacobian: Tensor, aux: string]>()(jacrev(sineAux, { hasAux: true, argnums: -1 })(x, x));
exactly<[jacobian: unknown, aux: string]>()(jacrev(sineAux, { hasAux: true, argnums: [0, 1] })(x, x));
exactly<[hessian: Tensor, aux: string]>()(hessian(sineAux, { hasAux: true })(x, x));
exactly<[jacobian: Net, aux: { readonly steps: number }]>()(jacrev(lossAux, { hasAux: true })(net, x));
exactly<[jacobian: Tensor, aux: { readonly steps: number }]>()(
  jacfwd(lossAux, { hasAux: true, argnums: 1 })(net, x),
);
exactly<[hessian: unknown, aux: { readonly steps: number }]>()(hessian(lossAux, { hasAux: true })(net, x));
exactly<[jacobian: Net, aux: { readonly steps: number }]>()(filterJacfwd(lossAux, { hasAux: true })(net, x));
exactly<[jacobian: Net, aux: { readonly steps: number }]>()(filterJacrev(lossAux, { hasAux: true })(net, x));
exactly<[hessian: Tensor, aux: string]>()(filterHessian(sineAux, { hasAux: true })(x, x));
exactly<Net>()(jacfwd(loss)(net, x));
exactly<Tensor>()(jacrev(loss, { argnums: 1 })(net, x));
exactly<unknown>()(hessian(loss)(net, x));

const constant = (): Tensor => x;
exactly<[value: Tensor, tangent: Tensor]>()(jvp(constant, [x], [x]));
exactly<[value: Tensor, tangent: Tensor]>()(jvp((a) => a.sin(), [x], [x]));
exactly<[value: Tensor, tangent: Tensor, aux: number]>()(
  jvp((): [Tensor, number] => [x, 1], [x, x], [x, x], { hasAux: true }),
);
exactly<Tensor>()(pureCallback(constant, [x], { resultShapeDtypes: x }));
exactly<Tensor>()(pureCallback((a: Tensor) => a, [x, x], { resultShapeDtypes: x }));
exactly<Tensor>()(pureCallback((a) => a.sin(), [x], { resultShapeDtypes: x }));
exactly<Tensor>()(filterPureCallback(constant, [x, 'way'], { resultShapeDtypes: x }));
exactly<Tensor>()(
  filterPureCallback((a: Tensor, _way: 'up' | 'down') => a, [x, 'up'], { resultShapeDtypes: x }),
);
// @ts-expect-error the callback takes a tensor
filterPureCallback((a: Tensor) => a, ['up'], { resultShapeDtypes: x });
// @ts-expect-error the callback takes two
pureCallback((a: Tensor, _b: Tensor) => a, [x], { resultShapeDtypes: x });
exactly<Tensor>()(filterCheckpoint(loss)(net, x));
exactly<Tensor>()(stopGradient(x));
exactly<ShapeDtypeStruct>()(evalShape(sine, x));
exactly<Tensor>()(filterClosureConvert(sine, x)(x));
exactly<Tensor[]>()(closureConvert(sine, x)[1]);
exactly<Tensor>()(
  customVjp(sine).defvjp(
    (a) => [a, a],
    (_a: Tensor, g: Tensor) => [g],
  )(x),
);
exactly<Tensor>()(customJvp(sine).defjvp(([a]: [Tensor], [t]: [Tensor]) => [a, t])(x));

// @ts-expect-error as many tangents as primals
jvp(sine, [x], []);
// @ts-expect-error the function takes a tensor
vjp(sine, 3);
const backward = (_a: Tensor, g: Tensor): Tensor[] => [g];
// @ts-expect-error the rule returns a pair
customVjp(sine).defvjp(sine, backward);
