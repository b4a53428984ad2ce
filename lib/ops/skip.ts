/**
 * Public functional operators without a function here, by ATen name (with the overload where others of the name
 * remain), each with its reason. A test holds this list and the generated functions against schemas.txt.
 */
const generator = 'takes a libtorch generator, which is not handed out; lib/random has explicit keys';
const cellParams = 'takes packed parameters of quantised cells, which exist only in Python';
const storage = 'takes a raw storage, which would let two tensors share memory that a value must own';

export const skipped: Readonly<Record<string, string>> = {
  get_gradients: 'returns a dictionary of tensors that belongs to distributed autograd',
  qscheme: 'returns a QScheme, which says how a quantised tensor was made',
  'quantized_gru.data': cellParams,
  'quantized_gru.input': cellParams,
  'quantized_lstm.data': cellParams,
  'quantized_lstm.input': cellParams,
  'rand.generator': generator,
  'rand_like.generator': generator,
  'randint.generator': generator,
  'randint.low_generator': generator,
  'randint_like.Tensor_generator': generator,
  'randint_like.generator': generator,
  'randint_like.low_generator_dtype': generator,
  'randn.generator': generator,
  'randn_like.generator': generator,
  'randperm.generator': generator,
  'set.source_Storage': storage,
  'set.source_Storage_storage_offset': storage,
  sym_is_contiguous: 'returns a symbolic boolean; is_contiguous returns a plain one',
};

/** Names that are `Tensor`'s own and stay so: no operator is installed as a method over one of them. */
export const ownMembers: ReadonlySet<string> = new Set([
  'at',
  'constructor',
  'data',
  'detach',
  'device',
  'dispose',
  'dtype',
  'grad',
  'index',
  'isDisposed',
  'item',
  'nbytes',
  'ndim',
  'requiresGrad',
  'shape',
  'size',
  'to',
  'toArray',
  'toString',
  'toTypedArray',
]);
