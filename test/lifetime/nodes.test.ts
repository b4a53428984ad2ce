import { runProgram } from '../support/program';

// The versions of Node that the one built addon is for: paths of their programs, separated by colons.
const others = (process.env['EQUINODE_TEST_NODES'] ?? '').split(':').filter((path) => path !== '');
const left = others.length === 0 ? ' [others left out: EQUINODE_TEST_NODES names none]' : '';

interface Found {
  readonly node: string;
  readonly same: boolean;
  readonly cube: number;
  readonly refusal: string;
  readonly data: readonly number[];
  readonly most: number;
}

test.each([process.execPath, ...others])(
  `the addon works in %s${left}`,
  async (node) => {
    const found = await runProgram<Found>('operators.cjs', [], { node });
    expect(found).toMatchObject({ same: true, cube: 12, refusal: 'ERR_SHAPE', data: [1, 1, 1] });
    // 500 tensors of 4 MB were dropped on the way.
    expect(found.most).toBeLessThan(700);

    const garbage = await runProgram<{ most: number }>('garbage.cjs', ['kept sums', 300], { node });
    expect(garbage.most).toBeLessThan(700);
    const stress = await runProgram<{ left: number }>('stress.cjs', [], { node, nodeFlags: ['--expose-gc'] });
    expect(stress.left).toBeLessThan(8);
    for (const way of ['exit', 'in a transform', 'awaiting a program']) {
      expect(await runProgram('workers.cjs', [way, 2], { node })).toMatchObject({ right: true });
    }
  },
  600_000,
);
