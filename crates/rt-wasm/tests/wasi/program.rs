//! A WASI program that does one thing per argument. Built by
//! `rustc --edition 2024 --target wasm32-wasip1 -C opt-level=s -C lto -C panic=abort -C strip=symbols program.rs`.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, io, process, thread};

fn main() -> io::Result<()> {
    for what in env::args().skip(1) {
        match what.as_str() {
            "args" => println!("{:?} {:?}", env::args().collect::<Vec<_>>(), env::var("GREETING")),
            "files" => files()?,
            "relative" => println!("{}", fs::read_to_string("relative.txt")?.trim_end()),
            "errors" => errors(),
            "stdin" => {
                let mut text = String::new();
                io::stdin().read_to_string(&mut text)?;
                println!("{}", text.to_uppercase());
            }
            "time" => {
                let began = Instant::now();
                thread::sleep(Duration::from_millis(20));
                println!("{} {}", began.elapsed() >= Duration::from_millis(20), SystemTime::now() > SystemTime::UNIX_EPOCH);
            }
            "exit" => process::exit(7),
            "abort" => process::abort(),
            "loop" => loop {
                std::hint::spin_loop();
            },
            other => eprintln!("unknown: {other}"),
        }
    }
    Ok(())
}

fn files() -> io::Result<()> {
    fs::create_dir_all("/tmp/w/sub")?;
    let mut file = fs::OpenOptions::new().create(true).truncate(true).read(true).write(true).open("/tmp/w/a.txt")?;
    file.write_all(b"hello world")?;
    file.seek(SeekFrom::Start(6))?;
    let mut rest = String::new();
    file.read_to_string(&mut rest)?;
    println!("{rest} {}", file.metadata()?.len());
    fs::rename("/tmp/w/a.txt", "/tmp/w/sub/b.txt")?;
    for n in 0..100 {
        fs::write(format!("/tmp/w/{n:03}"), "x")?;
    }
    let mut names: Vec<_> = fs::read_dir("/tmp/w")?.map(|entry| entry.map(|e| e.file_name().into_string().unwrap())).collect::<io::Result<_>>()?;
    names.sort();
    println!("{} {} {}", names.len(), names[0], names[100]);
    file.set_len(5)?;
    println!("{}", fs::read_to_string("/tmp/w/sub/b.txt")?);
    fs::remove_dir_all("/tmp/w")
}

fn errors() {
    let kind = |result: io::Result<fs::File>| result.map(drop).map_err(|e| e.kind());
    println!("{:?}", kind(fs::File::open("/tmp/missing")));
    println!("{:?}", kind(fs::File::create_new("/tmp")));
    println!("{:?}", kind(fs::File::open("/tmp/missing/below")));
}
