{
  'targets': [
    {
      # Reaches the one native build (CMakeLists.txt) from `node-gyp rebuild`; npm does not run it on install.
      'target_name': 'equinode',
      'type': 'none',
      'actions': [
        {
          'action_name': 'build_native',
          'inputs': [],
          'outputs': ['<(module_root_dir)/build/Release/equinode.node'],
          'action': ['node', '<(module_root_dir)/scripts/build-native.mjs'],
        },
      ],
    },
  ],
}
