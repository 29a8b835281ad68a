// Reads the import section of a WebAssembly module. Node 20's own parser does not know the exception
// handling that the modules use.

/** @returns {string[]} `module.name` of every import */
export function wasmImports(bytes) {
  const reader = new Reader(bytes, 8);
  while (!reader.done) {
    const id = reader.byte();
    const size = reader.leb();
    if (id === 2) return readImports(reader);
    reader.position += size;
  }
  return [];
}

function readImports(reader) {
  const imports = [];
  for (let count = reader.leb(); count > 0; count--) {
    imports.push(`${reader.name()}.${reader.name()}`);
    skipType(reader);
  }
  return imports;
}

function skipType(reader) {
  const kind = reader.byte();
  if (kind === 0) reader.leb(); // function
  else if (kind === 1) reader.byte(), reader.limits(); // table
  else if (kind === 2) reader.limits(); // memory
  else if (kind === 3) reader.position += 2; // global
  else reader.byte(), reader.leb(); // tag
}

class Reader {
  constructor(bytes, position) {
    this.bytes = bytes;
    this.position = position;
  }

  get done() {
    return this.position >= this.bytes.length;
  }

  byte() {
    return this.bytes[this.position++];
  }

  leb() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  name() {
    const length = this.leb();
    return this.bytes.subarray(this.position, (this.position += length)).toString();
  }

  limits() {
    const hasMaximum = this.byte() & 1;
    this.leb();
    if (hasMaximum) this.leb();
  }
}
