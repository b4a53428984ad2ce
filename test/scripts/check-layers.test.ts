import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

function check(
  name: string,
  files: Readonly<Record<string, string>>,
): { status: number | null; lines: string[] } {
  for (const [path, text] of Object.entries(files)) {
    const file = join(inFolder(name), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
  }
  const result = spawnSync(process.execPath, ['scripts/check-layers.mjs', inFolder(name)], {
    encoding: 'utf8',
  });
  return { status: result.status, lines: result.stderr.trim().split('\n').slice(0, -1) };
}

test('a tree whose imports point down passes', () => {
  const result = check('down', {
    'lib/base/one.ts': 'export const one = 1;',
    'lib/tree/two.ts': "import { one } from '../base/one';\nexport const two = one + 1;",
    'lib/nn/layer.ts': "import { two } from '../tree/two';\nexport { two };",
    'native/base/text.h': '#pragma once\n#include <string>',
    'native/core/tensor.h': '#pragma once\n#include <ATen/ATen.h>\n#include "native/base/text.h"',
    'native/napi/text.cpp': '#include <napi.h>\n#include "native/core/tensor.h"',
    'native/addon.cpp': '#include <napi.h>',
    'examples/user.ts': "import { nn } from 'equinode';\nexport { nn };",
  });
  expect(result).toEqual({ status: 0, lines: [] });
});

test('an import that points up, or to a library beside, fails, for types too', () => {
  const result = check('up', {
    'lib/base/up.ts': "export { name } from '../tree/name';",
    'lib/tree/name.ts': "export const name = 'tree';",
    'lib/tree/late.ts': "export const late = () => import('../nn/layer');",
    'lib/nn/layer.ts': "export const layer = 'layer';",
    'lib/optim/beside.ts': "import type { layer } from '../nn/layer';\nexport type Layer = typeof layer;",
  });
  expect(result).toEqual({
    status: 1,
    lines: [
      'lib/base/up.ts:1: base may not import tree (../tree/name)',
      'lib/optim/beside.ts:1: optim may not import nn (../nn/layer)',
      'lib/tree/late.ts:1: tree may not import nn (../nn/layer)',
    ],
  });
});

test('imports in a circle fail; circles of types alone do not', () => {
  const result = check('circle', {
    'lib/nn/left.ts': "import { right } from './right';\nexport const left: unknown = right;",
    'lib/nn/right.ts': "import { left } from './left';\nexport const right: unknown = left;",
    'lib/tree/a.ts': "import type { B } from './b';\nexport interface A { b: B }",
    'lib/tree/b.ts': "import { type A } from './a';\nexport interface B { a: A }",
    'native/core/a.h': '#include "native/core/b.h"',
    'native/core/b.h': '#include "native/core/a.h"',
  });
  expect(result).toEqual({
    status: 1,
    lines: [
      'lib/nn/left.ts:1: imports go in a circle: lib/nn/left.ts -> lib/nn/right.ts -> lib/nn/left.ts',
      'native/core/a.h:1: imports go in a circle: native/core/a.h -> native/core/b.h -> native/core/a.h',
    ],
  });
});

test('the addon is loaded by one file, and the package does not import itself', () => {
  const result = check('door', {
    'lib/native.ts': "import bindings from 'bindings';\nexport const addon: unknown = bindings('equinode');",
    'lib/nn/door.ts': "import bindings from 'bindings';\nexport { bindings };",
    'lib/nn/self.ts': "export { relu } from 'equinode/ops';",
  });
  expect(result).toEqual({
    status: 1,
    lines: [
      'lib/nn/door.ts:1: nn may not import the package bindings',
      'lib/nn/self.ts:1: nn may not import the package equinode/ops',
    ],
  });
});

test('Node and libtorch stay where they belong in the native code', () => {
  const result = check('native', {
    'native/base/torch.h': '#include <ATen/ATen.h>',
    'native/core/node.cpp': '#include <napi.h>\n#include <node_api.h>',
    'native/trace/beside.h': '#include "native/transform/level.h"',
    'native/transform/level.h': '#pragma once',
  });
  expect(result).toEqual({
    status: 1,
    lines: [
      'native/base/torch.h:1: base may not include ATen/ATen.h',
      'native/core/node.cpp:1: core may not include napi.h',
      'native/core/node.cpp:2: core may not include node_api.h',
      'native/trace/beside.h:1: trace may not include transform (native/transform/level.h)',
    ],
  });
});

test('a folder without a layer, and an example that reaches into the library, fail', () => {
  const result = check('places', {
    'lib/misc/odd.ts': 'export const odd = 1;',
    'examples/inside.ts': "export { odd } from '../lib/misc/odd';",
  });
  expect(result).toEqual({
    status: 1,
    lines: [
      'lib/misc/odd.ts:1: is in no layer of layers.json',
      "examples/inside.ts:1: examples import 'equinode', not its files (../lib/misc/odd)",
    ],
  });
});
