// SPDX-License-Identifier: Apache-2.0
// The rules of the pages under formats/, a line each: id, strength, the page's title, what holds, why. Scripts/rule-texts
// writes this file.

/// The rules' texts as the pages have them.
enum RuleTexts {
  /// A line a rule, its parts between tabulators.
  static let lines = #"""
    AD-01	MUST	LoRA adapters and merges	The config is a JSON object whose `peft_type`, `r`, `lora_alpha`, flags and patterns have their types; ranks are at least 1.	nothing is guessed
    AD-02	MUST	LoRA adapters and merges	Every tensor has its place in the base.	what is left out is another model
    AD-03	MUST	LoRA adapters and merges	A module has one A and one B.	one alone is no change
    AD-04	MUST	LoRA adapters and merges	A and B have the same rank, and their product the weight's shape.	files of runs that did not gather their parts
    AD-05	MUST	LoRA adapters and merges	The rank is the one that the config gives.	the scale would be another
    AD-06	MUST	LoRA adapters and merges	They have a floating-point dtype.	integers are no weights
    AD-07	MUST	LoRA adapters and merges	With `use_dora`, and only then, each module has as many norms as outputs.	the merge would be another
    AD-08	MUST	LoRA adapters and merges	A tensor that takes another's place has its shape, and a floating-point dtype.	the same
    AD-09	MUST	LoRA adapters and merges	No two tensors are for the same, nor for two names of one tensor of the base.	one of them would be lost
    AR-01	MUST	Archives that hold checkpoints	The archive is whole and sound, as far as the archive tells: headers and their checksums, compressed data, CRC-32 and length of gzip, CRC-32 of 7z.	a file cut off or damaged
    AR-02	MUST	Archives that hold checkpoints	Names are relative, not empty, without a part `..`. Their bytes need not be UTF-8.	no member may stand for a file elsewhere
    AR-03	MUST	Archives that hold checkpoints	Names differ, parts `.` left out.	readers disagree on which of two is meant
    AR-04	MAY	Archives that hold checkpoints	Links and hard links may be members, and devices. A link that leads to a file of the archive, over at most 40 others, is another name of it, and one to a folder of it leads to the files there, where one of them is asked for; the rest is passed over with a finding, and named where no weight file is left.	a hub's cache is links; nothing in an archive leads out of it
    CF-01	MUST	Model config	The file is one JSON object, read strictly.	two readers must not see two models
    CF-02	MUST	Model config	`model_type` is a text, or the file has `n_layer` and `n_embd`.	nothing is guessed
    CF-03	MUST	Model config	A value has its key's type; counts are integers without a fraction.	`"12"` and `12.5` are mistakes
    CF-04	MUST	Model config	A count is at least 1 and at most its bound; `layer_norm_epsilon` is above 0 and below 1; bounds of scores and what they are divided by are above 0; a share of a head is above 0 and at most 1.	no size overflows, no division by zero
    CF-05	MUST	Model config	Two spellings of one key, or of a rotary embedding, have the same value; so has a tie of the head that a composite config says twice.	which of them counts differs between programs
    CF-06	MUST	Model config	`n_head` divides `n_embd`; heads of keys divide those of queries, `head_dim` is even and so are the numbers of a head that are turned; lists of divisors have one a pair, and lists of layers one each.	a head has a whole number of dimensions, and of pairs
    CF-07	MUST	Model config	`activation_function` is a name of transformers' table that this program computes.	a near function is a wrong model
    CF-08	MUST	Model config	A key of the group *only value* has that value, and a rotary embedding has a type, a share and kinds of layers that its family has.	its arithmetic is not built
    CT-01	MUST	CTranslate2	The file begins with a version from 2 to 255 and a text of printable ASCII letters, which ends in the first 512 bytes.	nothing else tells that a file is CTranslate2's
    CT-02	MUST	CTranslate2	Every field lies in the file.	a file may be cut off
    CT-03	MUST	CTranslate2	A text has a byte at least and a zero byte behind it, is UTF-8, and has no other zero byte.	CTranslate2 takes any byte for the last one, and two names may be one in C
    CT-04	MUST	CTranslate2	There are no more variables than a tenth of the bytes that are left, and no more aliases than an eighth.	nothing is made by a number that the file does not back
    CT-05	MUST	CTranslate2	A type is one of those below.	the size of its elements is not known otherwise
    CT-06	MUST	CTranslate2	A variable has as many bytes as its elements take, which fits 63 bits.	bytes that no element has, or elements without bytes
    CT-07	MUST	CTranslate2	No two variables or aliases have one name.	CTranslate2 takes the first, and the others are never seen
    CT-08	MUST	CTranslate2	An alias names a variable.	CTranslate2 passes over others, and the model lacks them then
    CT-09	MUST	CTranslate2	The file ends behind the last alias.	nothing may hide in a file
    CT-10	MUST	CTranslate2	`NAME_scale` beside NAME of I8 is F32, one for each index of NAME's first dimension.	CTranslate2 reads as many, whatever there are
    GG-01	MUST	GGUF	The magic bytes.	another file
    GG-02	MUST	GGUF	The version is not 0. Versions but 2 and 3 are refused as *unsupported*.	version 1 had other counts
    GG-03	MUST	GGUF	As many bytes follow the counts as that many tensors (24 each) and keys (14 each) have at the least.	no allocation by an unbacked count
    GG-04	MUST	GGUF	Every field ends inside the file, and an array's count is at most the bytes left divided by the least size of an element.	a file cut off
    GG-05	MUST	GGUF	A string has at most 2^30 bytes, an array at most 2^30 elements.	ggml's own bound
    GG-06	MUST	GGUF	Keys, names and values that are strings are UTF-8.	the format says so; names are compared and printed
    GG-07	MUST	GGUF	A key has 1 to 65,535 bytes.	ggml refuses an empty one, the format longer ones
    GG-08	MUST	GGUF	Keys differ.	a key has one value
    GG-09	MUST	GGUF	Types of values and elements are 0 to 12.	an unknown type has an unknown length
    GG-10	MUST	GGUF	A truth value is 0 or 1, in arrays too.	the format calls anything else invalid
    GG-11	MUST	GGUF	`general.alignment` is a u32 and a power of two.	ggml refuses others
    GG-12	MUST	GGUF	A tensor's name has at most 65,535 bytes.	as a key
    GG-13	MUST	GGUF	Names differ, compared byte by byte.	a name is one tensor
    GG-14	MUST	GGUF	A tensor has at most 4 dimensions.	`GGML_MAX_DIMS`
    GG-15	MUST	GGUF	The product of the dimensions, taken from the outermost on, is below 2^57, and each is below 2^63.	no size overflows
    GG-16	MUST	GGUF	The type is one of the tables below.	types that ggml removed or never had have no known size
    GG-17	MUST	GGUF	The last dimension of a tensor of blocks is a multiple of a block's values.	a row is whole blocks
    GG-18	MUST	GGUF	Offsets are those of tensors that stand padded behind each other, from 0 on, in the order of the infos.	ggml refuses others; no overlap, no holes
    GG-19	MUST	GGUF	The data, each tensor whole, lies inside the file.	a file cut off
    GG-20	MUST	GGUF	`split.count` and `split.tensors.count` are integers of at least 0; in a set `split.no` is below the count.	a set that can be put together
    GG-21	MUST	GGUF	The name of a set's file ends as `split.no` and `split.count` say.	the other parts are found by their names
    GG-22	MUST	GGUF	The file that is named as a part says that it is that part of as many.	no part of another set
    GG-23	MUST	GGUF	No tensor is in two parts, and all parts together have as many as `split.tensors.count` says.	a name is one tensor, and none is missing
    GG-24	MUST	GGUF	No key and no tensor's name holds a NUL.	to ggml it ends there, and two could be one
    IN-01	MUST	Ingot	The file starts with the magic.	tells the format, and damage by text-mode transfers
    IN-02	MUST	Ingot	The file has at least 128 bytes.	header and footer
    IN-03	MUST	Ingot	The header digest is right.	no number is trusted before it
    IN-04	MUST	Ingot	The reserved bytes are zero.	one way to write a file
    IN-05	MUST	Ingot	Index and tail have at most 536,870,912 bytes each; for the tail this is checked before IN-29.	bounds a reader's memory
    IN-06	MUST	Ingot	64 + index byte count + 64 is at most the file's length.	nothing is allocated that the file does not back
    IN-07	MUST	Ingot	The index digest is right.	a damaged name or offset is never acted on
    IN-08	MUST	Ingot	Every field ends within the index, and every list's count is at most the bytes left divided by the least size of an item (tensor 9, row 8, metadata entry 5, value 1, companion 16, section 21).	no allocation by an unbacked count
    IN-09	MUST	Ingot	Texts are UTF-8: shortest form, no surrogates.	one meaning for all readers
    IN-10	MUST	Ingot	Kinds, dtypes, tags, truth values and other codes are among those of this page.	what is not understood is not guessed
    IN-11	MUST	Ingot	Tensors' names differ, compared byte by byte.	a name is one tensor
    IN-12	MUST	Ingot	The product of the dimensions, taken in order, is below 2^63, and the elements fill whole bytes, fewer than 2^63.	no overflow; `[0, 2^62, 2^62]` is a shape, `[2^62, 2^62, 0]` is not
    IN-13	MUST	Ingot	The byte count of a part is that of its dtype and shape.	a range can be copied without knowing its dtype
    IN-14	MUST	Ingot	An alias's target is a stored tensor of the list.	no cycles, no chains
    IN-15	MUST	Ingot	A quantization fits: the part count is 2 to 4, values and scales are there, and the parts are in order; values are integers or floats of at most 8 bits, scales floats, zero points integers; the axis is one of the values' dimensions; a group size is at least 1 and its values have two dimensions; fields that the granularity does not use are 0; scales and zero points have the shape it gives; kept rows are at least one, each above the one before and below the values' first dimension of two, and F16, BF16 or F32 of their shape.	one logical tensor, one way to write it
    IN-16	MUST	Ingot	Offsets of parts and sections are aligned.	maps can be used in place by vector instructions
    IN-17	MUST	Ingot	A part or section does not start before its place (see Data).	no overlap
    IN-18	MUST	Ingot	A part or section does not start behind its place.	no holes in which something hides
    IN-19	MUST	Ingot	A part or section ends at or before the tail offset.	every range is inside the data
    IN-20	MUST	Ingot	Keys of one metadata block or object differ, compared byte by byte.	a key has one value
    IN-21	MUST	Ingot	Arrays and objects nest at most 64 deep; one that is a metadata entry's own value has depth 1.	bounds a reader's recursion
    IN-22	MUST	Ingot	The index's metadata has at most 2,000,000 values, arrays, objects and their members all counted, and so have the tail's notes.	bounds a reader's memory; the largest tokenizers have 1.4 million
    IN-23	MUST	Ingot	A companion's name is a path of at most 17 parts between `/`, none of them empty, `.` or `..`, without U+0000; no other companion has it, and it is no folder of another's.	all can be written beside the weights, and none elsewhere
    IN-24	MUST	Ingot	Sections' names differ.	a name is one section
    IN-25	MUST	Ingot	Nothing follows the list of sections in the index.	one way to write a file
    IN-26	MUST	Ingot	The tail offset is the last run's end aligned up.	no holes
    IN-27	MUST	Ingot	Tail offset + 64 is at most the file's length. The error names the first tensor that is cut off.	a truncated file
    IN-28	MUST	Ingot	The footer digest is right.	a file cut off in its tail, or with bytes behind it
    IN-29	MUST	Ingot	The footer's tail offset and index digest are the header's, and tail offset + tail byte count + 64 is the file's length.	header and tail belong together
    IN-30	MUST	Ingot	The tail digest is right.	checksums can be trusted
    IN-31	MUST	Ingot	The tail's fields fill it exactly, with as many digests as there are parts and sections and as many origins as stored tensors.	every run has its digest
    IN-32	MUST	Ingot	Bytes between runs are zero. The error names the tensor before them.	every bit of the file is covered
    IN-33	MUST	Ingot	A part has its digest. A reader checks this when it reads all of a part, not when it lists tensors. The error names the tensor.	damaged data
    JL-01	MUST	JSON Lines of documents	A line is one object, by RFC 8259.	a line that is skipped would be a document that is not counted
    JL-02	MUST	JSON Lines of documents	The object has the field once, and in it a string.	two readers must not see two texts
    L2-01	MUST	llama2.c	The file begins with the mark, or its first seven words are numbers that hold L2-03 and L2-04 of a model whose version 0 is as long as the file, to the byte.	version 0 has nothing else to know it by, and no other file is to be taken for one
    L2-02	MUST	llama2.c	It has at least 256 bytes.	the header
    L2-03	MUST	llama2.c	All seven numbers are at least 1.	a model of nothing
    L2-04	MUST	llama2.c	2H divides D, and K divides H.	pairs of a head's numbers are turned, and each head of keys is for as many of queries
    L2-05	MUST	llama2.c	shared_classifier is 0 or 1.	what else it may mean is not known
    L2-06	MUST	llama2.c	group_size is at least 1 and divides the integers of each matrix.	a scale for a part of a group would be none
    L2-07	MUST	llama2.c	The file is as long as its header and tensors, to the byte; all sizes fit 63 bits.	nothing may hide in a file, and none may be cut off
    L2-08	MAY	llama2.c	Bytes behind the header's last number may be other than 0: they are passed over, with a finding.	llama2.c does not look at them
    LC-01	MUST	llm.c	The file has at least 1024 bytes.	the header
    LC-02	MUST	llm.c	It begins with 20240326.	the mark to know the format by; reached when the extension alone claimed it
    LC-03	MUST	llm.c	T, V, L, H and D are at least 1.	a model of nothing
    LC-04	MUST	llm.c	padded_vocab_size is 0 in versions 1 and 2, at least V in 4 and 5, and either in 3.	the two meanings of version 3
    LC-05	MUST	llm.c	The file is as long as its header and tensors, to the byte; all sizes fit 63 bits.	nothing may hide in a file, and none may be cut off
    LC-06	MAY	llm.c	Words behind the eighth may be other than 0: they are passed over, with a finding.	llm.c does not look at them
    LC-20	MUST	llm.c	A debug state has at least 1024 bytes.	the header
    LC-21	MUST	llm.c	B and T are at least 1.	nothing to compare
    LC-22	MUST	llm.c	Behind the header are ids, targets, logits and loss for B, T and the model's V, and behind these a whole number of F32.	a file cut off, or another model's
    MF-01	MUST	Digest manifest	A line that is not skipped has 64 hexadecimal digits, a separator and a path, in one of the forms above: where none has, that is an error; others are passed over and counted, in JSON as `lines_passed_over`.	`sha256sum -c` does so, and what it says of them is said: a line that is passed over may be a checkpoint that is not checked
    MF-02	MUST	Digest manifest	There is at least one such line, or checkpoint.	a check of nothing would hold
    MF-03	MUST	Digest manifest	A file that begins with `{` is the JSON that `ingot hash --json` prints; `tensors` may be left out.	half a document would check half
    NP-01	MUST	NumPy arrays and archives of arrays	The magic bytes.	another file
    NP-02	MUST	NumPy arrays and archives of arrays	Version 1.0, 2.0 or 3.0.	there are no others
    NP-03	MUST	NumPy arrays and archives of arrays	The header lies inside the file or member.	a file cut off
    NP-04	MUST	NumPy arrays and archives of arrays	The header is one Python dict literal: strings without escapes, integers of digits alone that fit 64 bits and have no zeros before them, True, False, tuples, lists.	anything else would have to be run
    NP-05	MUST	NumPy arrays and archives of arrays	Its keys are exactly the three, once each.	the reference refuses others
    NP-06	MUST	NumPy arrays and archives of arrays	The descr is one of the table below.	an unknown type has unknown bytes
    NP-07	MUST	NumPy arrays and archives of arrays	`fortran_order` is True or False.	the order of elements
    NP-08	MUST	NumPy arrays and archives of arrays	The shape is a tuple of integers of at least 0 whose product fits 63 bits.	a size that overflows
    NP-09	MUST	NumPy arrays and archives of arrays	There are at least as many bytes of data as shape and descr say.	a file cut off
    NP-10	MUST	NumPy arrays and archives of arrays	There are no more.	a second array in the same stream would be lost in silence
    NP-11	MUST	NumPy arrays and archives of arrays	An array's member has a name in UTF-8, before `.npy` where it ends in that.	a tensor needs one
    NP-12	MUST	NumPy arrays and archives of arrays	`__ingot__.npy` is an array of bytes that holds the JSON above, read strictly. Each of its dtypes is that of an array that is there, of unsigned integers as wide.	what is not understood is not guessed
    NP-13	MUST	NumPy arrays and archives of arrays	No array's name is another's without `.npy`.	two tensors of one name
    OP-01	MUST	OpenAI's release of GPT-1	The shapes are a JSON list of lists of integers.	unknown tensors
    OP-02	MUST	OpenAI's release of GPT-1	A shape has at most 64 dimensions, none below 0; all have fewer than 2^63 bytes.	NumPy's bound, and sizes that overflow
    OP-03	MUST	OpenAI's release of GPT-1	The names are a JSON list of texts, none empty, each there once but for its `:0`.	two tensors of one name
    OP-04	MUST	OpenAI's release of GPT-1	There are names for all shapes.	a tensor without a name
    OP-05	MUST	OpenAI's release of GPT-1	Each array has one dimension and is little-endian F32.	train.py joins them along it
    OP-06	MUST	OpenAI's release of GPT-1	The arrays hold together as many numbers as the shapes say.	tensors that belong to other shapes
    PB-01	MUST	Protobuf messages as carriers of fields	A varint has at most ten bytes and 64 bits, and ends within its message.	a number without an end
    PB-02	MUST	Protobuf messages as carriers of fields	A field's number is from 1 to 536,870,911.	no schema has others
    PB-03	MUST	Protobuf messages as carriers of fields	The wire type is 0, 1, 2 or 5.	groups (3 and 4) nest without a length; proto3 has none
    PB-04	MUST	Protobuf messages as carriers of fields	A field's bytes lie within its message.	a message cut off, or one that reaches into its neighbour
    PB-05	MUST	Protobuf messages as carriers of fields	A field that the format reads has the wire type of its schema.	other readers pass it over, and see another message
    PB-06	MUST	Protobuf messages as carriers of fields	A singular field that the format knows is there at most once.	which one holds? Other readers take the last, or merge both
    PB-07	MAY	Protobuf messages as carriers of fields	Fields of numbers that the format does not read are passed over.	later writers have more fields
    PK-01	MUST	Pickles as carriers of tensors' descriptions	Every instruction is one of protocols 0 to 5.	what follows an unknown one can't be told
    PK-02	MUST	Pickles as carriers of tensors' descriptions	The pickle ends inside the file: operands, texts and frames too.	a file cut off, or a length that lies
    PK-03	MUST	Pickles as carriers of tensors' descriptions	The stack holds what an instruction takes, above the last mark; pairs are whole; at the end one object is left and no mark.	Python's own writers leave nothing
    PK-04	MUST	Pickles as carriers of tensors' descriptions	Text is UTF-8 without surrogates, or a literal with sound escapes.	names must be texts
    PK-05	MUST	Pickles as carriers of tensors' descriptions	Numbers are numbers; decimal ones have at most 100 digits, integers of bytes at most 64.	turning digits into a number takes time that grows with their square
    PK-06	MUST	Pickles as carriers of tensors' descriptions	The memo is filled where it is read, and its numbers stay below the count of bytes read so far.	a table as long as a number says takes any memory: a memo bomb
    PK-07	MUST	Pickles as carriers of tensors' descriptions	Items go into lists, sets and dictionaries of the right kind, or to the result of a call; state to such a result or to a mapping, but for functions that are known.	in Python each calls a method of the object
    PK-08	MUST	Pickles as carriers of tensors' descriptions	Only globals, results of calls and persistent objects are called, no constant, with a tuple, and a dictionary for names; all mappings, and all calls with a dictionary for names, together take no more pairs or arguments than there are bytes.	a text can't be called; copies of copies grow without end
    PK-09	MUST	Pickles as carriers of tensors' descriptions	A global has a module and a name, both texts of 1 to 255 bytes.	else it can't be called by name; a long one would be looked up wherever it is named
    PK-10	MUST	Pickles as carriers of tensors' descriptions	Nothing comes from outside: no registered numbers, no buffers.	what they stand for is not in the file
    PK-11	MUST	Pickles as carriers of tensors' descriptions	Beyond 65,536 objects there are three bytes read for each.	an empty list takes one byte, and far more memory; Python's own writer also numbers it in the memo, and puts something into it
    PT-01	MUST	PyTorch	An archive with `data.pkl`, or a stream that begins with the magic number.	another format
    PT-02	MUST	PyTorch	All records stand in the first one's folder.	two readers would take different ones
    PT-03	MUST	PyTorch	`byteorder` is `little` or `big`.	what else there could be is unknown
    PT-04	MUST	PyTorch	A stream's version is 1001.	the only one
    PT-05	MUST	PyTorch	A stream lists each storage that the object names, once, and no other.	data that can't be placed
    PT-11	MUST	PyTorch	No global is one that runs, opens, fetches or imports something: `os`, `subprocess`, `builtins.eval`, `torch.load` and others.	calling it would run whatever the writer chose
    PT-12	MUST	PyTorch	A persistent id is a tuple of `storage`, a class of storages, a key, a place, a count from 0 on, and in streams `None` or a view inside it; ids of one key agree on its bytes.	two sizes for one storage
    PT-13	MUST	PyTorch	A storage's bytes are there, as many as its id says.	a file cut off, or a size that lies
    PT-14	MUST	PyTorch	A tensor's call has as many arguments as its function takes, a storage, an offset from 0 on, at most 64 sizes whose product fits, as many strides from 0 on, and with version 3 a dtype.	else it is no view
    PT-15	MUST	PyTorch	Every element of a view is inside its storage.	bytes of something else
    PT-16	MUST	PyTorch	No dictionary has a plain key twice, spelled alike: 1 and `"1"`.	which one holds?
    PT-17	MUST	PyTorch	No two tensors have one name once keys are joined.	one would replace the other
    PT-18	MUST	PyTorch	No container is inside itself.	a tree without end
    PT-19	MUST	PyTorch	Walking the tree, shared parts counted each time, takes at most 65,536 steps and 3 for each byte of the pickle: one for each value, for each byte of a key and of a tensor's name, and for each argument of a call from the ninth on, 80 for a tensor. So do the persistent ids, 80 for each. All texts, a path's parts and a device's too, counted each time they are met, have at most 1 MiB and 16 bytes for each byte of the pickle in the file.	a few bytes could ask for billions
    PT-20	MUST	PyTorch	All tensors that are no aliases have together at most 268,435,456 bytes and 8 times those of the storages.	an expanded view of one element could fill any disk
    PT-30	MUST	PyTorch	The index is a JSON object, read strictly, with an object `weight_map` of strings.	as ST-20
    PT-31	MUST	PyTorch	A shard is a plain file name.	an index must not lead out of its folder
    PT-32	MUST	PyTorch	No tensor is in two shards.	which one holds?
    PT-33	MUST	PyTorch	Each mapped tensor is in its shard and in no other.	a set that is not whole
    PT-34	MAY	PyTorch	A shard may hold tensors that the index does not name: they are read, with a finding.	nothing is dropped in silence
    PT-40	MUST	PyTorch	Every file has the tensors of the first.	a part that is missing
    PT-41	MUST	PyTorch	The parts of a tensor have one type and one shape, and those of the embedding fit the width.	parts of another model
    PW-01	MUST	Weights that other programs pack	All tensors of the scheme's table are there that are not said to be missing.	codes alone are no numbers
    PW-02	MUST	Weights that other programs pack	A tensor called like a part that no other kind of weights has stands beside the codes.	scales without values
    PW-03	MUST	Weights that other programs pack	Shapes are those of the table.	a scale for another value is a wrong model
    PW-04	MUST	Weights that other programs pack	Dtypes are those of the table.	the same
    PW-05	MUST	Weights that other programs pack	Each input's group is one of the groups.	a scale that is not there
    PW-06	MUST	Weights that other programs pack	A state of bitsandbytes is JSON with the keys above, and values that are sizes.	nothing is guessed
    PW-07	MUST	Weights that other programs pack	The bits that a config declares are those of the codes, unless it declares them layer by layer (`dynamic`).	one of them is wrong
    QT-01	MUST	Quantized tensors as plain ones	The text is a JSON object, read strictly, with `schema` 1 and an object `tensors`.	another schema may mean other arithmetic
    QT-02	MUST	Quantized tensors as plain ones	Each tensor's scheme has the keys above with values of the table.	what is not understood is not guessed
    QT-03	MUST	Quantized tensors as plain ones	A tensor of that name is there, with dtype I8.	values without a tensor
    QT-04	MUST	Quantized tensors as plain ones	Its scales are there, with a dtype and the shape of the tables.	a scale read for another channel is a wrong model
    QT-05	MUST	Quantized tensors as plain ones	Its zero points are there when it is not symmetric, with dtype I8 and the scales' shape.	the same
    QT-06	MUST	Quantized tensors as plain ones	`kept_rows` is a list of integers, at least one, each above the one before, from 0 to below the values' first dimension of two.	what is written over another row is a wrong model
    QT-07	MUST	Quantized tensors as plain ones	Its kept rows are there, with a dtype of the table, a row for each number and the values' columns.	a row without its numbers, or with another's
    ST-01	MUST	safetensors	The file has at least 8 bytes.	the length field
    ST-02	MUST	safetensors	The header lies inside the file.	a file cut off, or another format
    ST-03	MUST	safetensors	The header has at most 100,000,000 bytes.	the reference's limit; it is read whole
    ST-04	MUST	safetensors	The header's first byte is `{`.	the README; a mark to know the format by
    ST-05	MUST	safetensors	Every string is UTF-8, and an escaped surrogate stands in a pair.	names must be texts
    ST-06	MUST	safetensors	The header is one JSON value by RFC 8259, with nothing but white space behind it.	two parsers must see the same
    ST-07	MUST	safetensors	Every byte of the data buffer belongs to a tensor: none before the first, between two, or behind the last.	nothing may hide in a file
    ST-08	MUST	safetensors	No object has a key twice, compared by its bytes after escapes are resolved.	two parsers would take different ones
    ST-09	MUST	safetensors	`__metadata__` is an object whose values are strings, or `null`.	the README; mlx writes `null` where it has none, and the reference reads it
    ST-10	MUST	safetensors	An entry is an object with `dtype`, a string, `shape` and `data_offsets`; other keys in it are JSON whose numbers a double can hold.	the three are needed; the reference reads the others too
    ST-11	MUST	safetensors	`dtype` is one of the table below, in this spelling.	an unknown type has unknown bytes
    ST-12	MUST	safetensors	`shape` is an array of integers from 0 on, without sign, fraction or exponent; each, and their product taken in order, fits 63 bits.	a size that overflows
    ST-13	MUST	safetensors	`data_offsets` are two such integers, the second not below the first.	a range
    ST-14	MUST	safetensors	The range is as long as shape and dtype say, in whole bytes.	two sizes for one tensor
    ST-15	MUST	safetensors	No two tensors share a byte, and none without bytes stands inside another.	a change of one would change the other
    ST-16	MUST	safetensors	No tensor ends behind the data buffer.	a file cut off
    ST-17	MUST	safetensors	Values nest at most 127 deep.	bounds recursion; the limit of `serde_json`, which the reference reads with
    ST-20	MUST	safetensors	The index is a JSON object, read strictly, with an object `weight_map` of strings.	as ST-06 and ST-08
    ST-21	MUST	safetensors	A shard is a plain file name: not empty, `.` or `..`, without `/` and NUL.	an index must not lead out of its folder
    ST-22	MUST	safetensors	Each mapped tensor is in its shard and in no other.	a set that is not whole
    ST-23	MUST	safetensors	No tensor is in two shards.	which one holds?
    ST-24	MAY	safetensors	A shard may hold tensors that the index does not name: they are read, with a finding.	nothing is dropped in silence
    TBL-01	MUST	Sorted tables (LevelDB's table format) as carriers of entries	At least 48 bytes, the last eight of them the magic.	another file, or one that is cut off
    TBL-02	MUST	Sorted tables (LevelDB's table format) as carriers of entries	The footer holds two handles.	the index can't be found otherwise
    TBL-03	MUST	Sorted tables (LevelDB's table format) as carriers of entries	A block, with its type and checksum, ends before the footer.	it would run into it
    TBL-04	MUST	Sorted tables (LevelDB's table format) as carriers of entries	A block's type is 0 or 1.	unknown bytes
    TBL-05	MUST	Sorted tables (LevelDB's table format) as carriers of entries	The checksum is that of contents and type.	damage
    TBL-06	MUST	Sorted tables (LevelDB's table format) as carriers of entries	A Snappy block decodes to exactly the length it declares, by elements that lie in it.	bombs, and damage that no checksum saw
    TBL-07	MUST	Sorted tables (LevelDB's table format) as carriers of entries	There is a restart; the first is 0, the others rise and lie among the entries.	searches by restarts would see other entries
    TBL-08	MUST	Sorted tables (LevelDB's table format) as carriers of entries	An entry fits its block, and shares no more bytes than the key before has.	lengths that lie
    TBL-09	MUST	Sorted tables (LevelDB's table format) as carriers of entries	Each restart is the place of an entry, which shares nothing.	as TBL-07
    TBL-10	MUST	Sorted tables (LevelDB's table format) as carriers of entries	Keys rise, by their bytes, through all blocks.	of two equal keys, or of two orders, readers see different ones
    TBL-11	MUST	Sorted tables (LevelDB's table format) as carriers of entries	A value in the index is exactly one handle.	data can't be found otherwise
    TBL-12	MUST	Sorted tables (LevelDB's table format) as carriers of entries	Data blocks stand in the file in the order of the index, and share no byte.	a block twice is how small files become huge
    TBL-13	MUST	Sorted tables (LevelDB's table format) as carriers of entries	A block's keys are above the index's key before, and not above its own.	searches would not find them
    TBL-14	MUST	Sorted tables (LevelDB's table format) as carriers of entries	All keys, written out, have at most 32 bytes for each byte of the file, beyond 1 MiB.	shared bytes without end are how small files become huge
    TBL-15	MAY	Sorted tables (LevelDB's table format) as carriers of entries	A data block may be without entries.	it changes nothing
    TF-01	MUST	TensorFlow checkpoints (TensorBundle V2)	The first entry has an empty key: the header.	another table
    TF-02	MUST	TensorFlow checkpoints (TensorBundle V2)	There is at least one data file.	names of data files are made of this number
    TF-03	MUST	TensorFlow checkpoints (TensorBundle V2)	The byte order is 0 or 1.	unknown numbers
    TF-04	MUST	TensorFlow checkpoints (TensorBundle V2)	A name is UTF-8.	names are text everywhere else
    TF-05	MUST	TensorFlow checkpoints (TensorBundle V2)	The dtype's number is above 0.	0 says that there is none
    TF-06	MUST	TensorFlow checkpoints (TensorBundle V2)	The shape is known, has at most 254 dimensions, none below 0, and fewer than 2^63 elements and bytes.	TensorFlow's own bounds
    TF-07	MUST	TensorFlow checkpoints (TensorBundle V2)	The data file is one of those that the header counts.	it has no name otherwise
    TF-08	MUST	TensorFlow checkpoints (TensorBundle V2)	A tensor of numbers has the bytes that dtype and shape say, from an offset not below 0.	two sizes for one tensor
    TF-09	MUST	TensorFlow checkpoints (TensorBundle V2)	A slice has for each dimension a range that lies in it.	elements outside their tensor
    TF-10	MUST	TensorFlow checkpoints (TensorBundle V2)	The slices of a variable cover it without a gap, and share nothing.	unknown elements, or two values for one
    TF-11	MUST	TensorFlow checkpoints (TensorBundle V2)	Each slice has its entry, of the variable's dtype and the slice's shape.	unknown bytes
    TF-12	MUST	TensorFlow checkpoints (TensorBundle V2)	Each key that begins with a zero is that of a listed slice.	data that no tensor shows
    TF-13	MUST	TensorFlow checkpoints (TensorBundle V2)	A tensor's bytes lie in its data file.	a file cut off
    TF-14	MUST	TensorFlow checkpoints (TensorBundle V2)	No two tensors share a byte.	a file of which little is read again and again
    TF-15	MUST	TensorFlow checkpoints (TensorBundle V2)	The checksum is that of the bytes.	damage
    TF-16	MUST	TensorFlow checkpoints (TensorBundle V2)	A tensor of strings is exactly its lengths, their checksum and its strings.	lengths that lie
    TF-17	MAY	TensorFlow checkpoints (TensorBundle V2)	Data files may hold bytes of no tensor.	writers align data
    TK-01	MUST	Tokenizer files	A JSON file is one object, read strictly.	two readers must not see two tokenizers
    TK-02	MUST	Tokenizer files	`tokenizer.json` has `model` with `vocab` and, of byte pairs, `merges`, and `added_tokens` is a list.	nothing is guessed
    TK-03	MUST	Tokenizer files	An id is an integer from 0 to below the rows of the embedding, or without one below 16 times the tokens and 65,536, and a word piece is UTF-8 without a line break.	no table is sized by a number in a file; a list of lines holds no line break
    TK-04	MUST	Tokenizer files	No id has two texts.	an id is one row
    TK-05	MUST	Tokenizer files	There are tokens, and their ids have no gap.	a list by id has no hole
    TK-06	MUST	Tokenizer files	A merge is two pieces that are not empty, with one space between.	a piece with a space can't be told apart
    TK-07	MUST	Tokenizer files	A special id is a token's.	a program would read past its table
    TK-08	MUST	Tokenizer files	GGUF has one type a token, from 1 to 6.	the list is read beside the tokens
    TK-09	MUST	Tokenizer files	Both pieces of a merge are tokens, and so is what they are joined to.	a merge would lead nowhere
    TK-10	MUST	Tokenizer files	A component is an object, and its options have the types and ranges that the component needs.	nothing is guessed
    TK-11	MUST	Tokenizer files	An added token that the model has too has its id.	text would have two ids
    TK-12	MUST	Tokenizer files	A line of ranks is a token in base64, a space and its rank; of tekken, sizes are no larger than the tokens; each byte is a token.	any text must have tokens
    TK-13	MUST	Tokenizer files	A SentencePiece model has a piece of text; kinds are 1 to 6, texts UTF-8 and not empty, scores finite numbers, one a token in GGUF.	pieces are joined by scores
    ZIP-01	MUST	Zip archives as carriers of tensors	An end record whose comment reaches exactly to the end of the file.	a shorter comment hides bytes, a longer one means the file is cut off
    ZIP-02	MUST	Zip archives as carriers of tensors	All on disk 0; entries here equal to entries.	parts of a spanned archive are not whole
    ZIP-03	MUST	Zip archives as carriers of tensors	A zip64 locator that is needed, or that stands between directory and end record, points at a sound zip64 record of one disk, right in front of it; where no field is all ones it says what the end record says.	a directory elsewhere would be another archive
    ZIP-04	MUST	Zip archives as carriers of tensors	The directory ends where the end records begin.	bytes before or between would shift every offset
    ZIP-05	MUST	Zip archives as carriers of tensors	The directory is whole entries, as many as the end record says.	a count that lies hides members
    ZIP-06	MUST	Zip archives as carriers of tensors	A 32-bit field of all ones has its 64-bit value in the zip64 extra field.	else the size is unknown
    ZIP-07	MUST	Zip archives as carriers of tensors	Names are not empty, not absolute, without NUL and without a part `..`. Their bytes need not be UTF-8; where a format makes names of tensors of them, it says what they must be.	no member may name a file elsewhere
    ZIP-08	MUST	Zip archives as carriers of tensors	Names differ.	readers disagree on which of two is meant
    ZIP-09	MUST	Zip archives as carriers of tensors	A stored member's two sizes are equal.	it is not compressed
    ZIP-10	MUST	Zip archives as carriers of tensors	A local header stands, whole and before the directory, where its entry says.	data can't be found otherwise
    ZIP-11	MUST	Zip archives as carriers of tensors	Name and method of the local header are the entry's; so are CRC-32 and sizes, unless flag bit 3 is set, or they are 0 or all ones; where it is set, those of the descriptor behind the data are.	two readers would see two members
    ZIP-12	MUST	Zip archives as carriers of tensors	Data ends before the directory begins.	it would run into it
    ZIP-13	MUST	Zip archives as carriers of tensors	Members share no byte.	overlapping members are how small files become huge
    ZIP-14	MUST	Zip archives as carriers of tensors	CRC-32 (IEEE) of the decoded data is the entry's.	damage
    ZIP-20	MUST	Zip archives as carriers of tensors	A deflated member decodes to exactly its size, and its stream uses all of its stored bytes.	zip bombs, and data hidden behind a stream
    ZS-01	MUST	Tasks	A line is one object, by RFC 8259, in UTF-8, without a key twice.	an item that is skipped would not be counted
    ZS-02	MUST	Tasks	The template's fields are there, and strings; `history` is a list of objects with `question` and `answer`.	a prompt without them is another task
    ZS-03	MUST	Tasks	An item has either `choices` or `expected`, and all items the same; templates with a mark have `choices`.	one accuracy can't stand for both
    ZS-04	MUST	Tasks	`choices` are two strings or more, none of them empty.	one is always right
    ZS-05	MUST	Tasks	`answer` is the number of a choice, or the text of exactly one.	
    ZS-06	MUST	Tasks	`expected` is a string that is not all white space, or a list of such.	nothing can be expected of nothing
    ZS-07	MUST	Tasks	A text with a mark has it once, with words behind it where they are scored; one whose last word is expected has two.	
    ZS-08	MUST	Tasks	There is an item.	
    """#
}
