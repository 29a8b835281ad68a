// Reads what the dynamic linker reads of a 64-bit little-endian ELF file.

const SHT = { DYNAMIC: 6, DYNSYM: 11, VERSYM: 0x6fffffff };
const DT = { NEEDED: 1, SYMBOLIC: 16, FLAGS: 30, FLAGS_1: 0x6ffffffb };
const DF_SYMBOLIC = 2;
const DF_1_NODELETE = 8;
const STB_WEAK = 2;
const SYMBOL_BYTES = 24;
/** Version indexes from here on name a version of a library. */
const FIRST_VERSION = 2;

/** `{ needed, symbolic, noDelete, symbols: { name, defined, weak, versioned }[] }` of a shared object. */
export function readElf(file) {
  const u16 = (at) => file.readUInt16LE(at);
  const u32 = (at) => file.readUInt32LE(at);
  const u64 = (at) => Number(file.readBigUInt64LE(at));
  if (file.toString("latin1", 0, 4) !== "\x7fELF") throw new Error("not an ELF file");
  const sections = Array.from({ length: u16(60) }, (_, i) => {
    const at = u64(40) + i * u16(58);
    return { type: u32(at + 4), offset: u64(at + 24), size: u64(at + 32), link: u32(at + 40) };
  });
  const section = (type) => sections.find((candidate) => candidate.type === type);
  const [dynamic, table, versions] = [section(SHT.DYNAMIC), section(SHT.DYNSYM), section(SHT.VERSYM)];
  const text = (strings, at) => file.toString("latin1", strings.offset + at, file.indexOf(0, strings.offset + at));

  const entries = Array.from({ length: dynamic.size / 16 }, (_, i) => [u64(dynamic.offset + 16 * i), u64(dynamic.offset + 16 * i + 8)]);
  const value = (tag) => entries.find(([key]) => key === tag)?.[1] ?? 0;
  const symbols = Array.from({ length: table.size / SYMBOL_BYTES }, (_, i) => {
    const at = table.offset + i * SYMBOL_BYTES;
    return {
      name: text(sections[table.link], u32(at)),
      defined: u16(at + 6) !== 0,
      weak: file[at + 4] >> 4 === STB_WEAK,
      versioned: (u16(versions.offset + 2 * i) & 0x7fff) >= FIRST_VERSION,
    };
  });
  return {
    needed: entries.filter(([tag]) => tag === DT.NEEDED).map(([, name]) => text(sections[dynamic.link], name)),
    symbolic: entries.some(([tag]) => tag === DT.SYMBOLIC) || (value(DT.FLAGS) & DF_SYMBOLIC) !== 0,
    noDelete: (value(DT.FLAGS_1) & DF_1_NODELETE) !== 0,
    symbols: symbols.slice(1),
  };
}
