//! Small WebAssembly programs, assembled by hand: what no C compiler would make of a system call.

/// A value of an instruction sequence.
pub type Code = Vec<u8>;

fn leb(mut value: u32, out: &mut Vec<u8>) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

fn sleb(mut value: i32, out: &mut Vec<u8>) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

fn name(text: &str, out: &mut Vec<u8>) {
    leb(text.len() as u32, out);
    out.extend_from_slice(text.as_bytes());
}

fn section(id: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    leb(content.len() as u32, out);
    out.extend_from_slice(content);
}

/// `i32.const`
pub fn constant(value: u32) -> Code {
    let mut code = vec![0x41];
    sleb(value as i32, &mut code);
    code
}

/// Calls import `index` with constants; the answer is dropped.
pub fn call(index: u32, args: &[u32]) -> Code {
    let mut code: Code = args.iter().flat_map(|arg| constant(*arg)).collect();
    code.push(0x10);
    leb(index, &mut code);
    code.push(0x1a);
    code
}

/// `i32.store` of constants.
pub fn store(at: u32, value: u32) -> Code {
    [constant(at), constant(value), vec![0x36, 2, 0]].concat()
}

/// Calls the function itself, without end. `imports` is how many there are.
pub fn recurse(imports: u32) -> Code {
    let mut code = vec![0x10];
    leb(imports, &mut code);
    code
}

/// Loops without end.
pub fn spin() -> Code {
    vec![0x03, 0x40, 0x0c, 0, 0x0b]
}

/// Loops until the word at `at` is not zero.
pub fn spin_until_set(at: u32) -> Code {
    [vec![0x03, 0x40], constant(at), vec![0x28, 2, 0, 0x45, 0x0d, 0, 0x0b]].concat()
}

/// Grows memory by `pages` until that fails.
pub fn grow_until_refused(pages: u32) -> Code {
    [vec![0x03, 0x40], constant(pages), vec![0x40, 0], constant(u32::MAX), vec![0x47, 0x0d, 0, 0x0b]].concat()
}

/// An import of a function of `arity` i32 that answers one.
pub struct Import<'a> {
    pub module: &'a str,
    pub name: &'a str,
    pub arity: u32,
}

/// `aos.syscall`
pub const SYSCALL: Import<'static> = Import { module: "aos", name: "syscall", arity: 7 };

/// A program of one page of memory whose `_start` is `body`.
pub fn module(imports: &[Import<'_>], body: &[u8]) -> Vec<u8> {
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    // Types 0 to 7: n times i32 to i32. Type 8: nothing to nothing.
    let mut types = Vec::new();
    leb(9, &mut types);
    for arity in 0..8 {
        types.extend([0x60, arity]);
        types.extend(std::iter::repeat_n(0x7f, arity.into()));
        types.extend([1, 0x7f]);
    }
    types.extend([0x60, 0, 0]);
    section(1, &types, &mut out);
    let mut list = Vec::new();
    leb(imports.len() as u32, &mut list);
    for import in imports {
        name(import.module, &mut list);
        name(import.name, &mut list);
        list.push(0);
        leb(import.arity, &mut list);
    }
    section(2, &list, &mut out);
    section(3, &[1, 8], &mut out);
    section(5, &[1, 0, 1], &mut out);
    let mut exports = vec![2];
    name("memory", &mut exports);
    exports.extend([2, 0]);
    name("_start", &mut exports);
    exports.push(0);
    leb(imports.len() as u32, &mut exports);
    section(7, &exports, &mut out);
    let function = [&[0], body, &[0x0b]].concat();
    let mut code = vec![1];
    leb(function.len() as u32, &mut code);
    code.extend(function);
    section(10, &code, &mut out);
    out
}

/// A program that makes system calls: number, then up to six arguments.
pub fn calls(list: &[[u32; 7]]) -> Vec<u8> {
    let body: Code = list.iter().flat_map(|args| call(0, args)).collect();
    module(&[SYSCALL], &body)
}
