//! Runs lines of shell, each in a fresh VM: `vm-exec [--software MANIFEST.json] LINE...`, from the root of the repository after
//! `npm run build`.

use agentos::engines::EngineOptions;
use agentos::vm::SpawnRequest;
use agentos::{ExecOptions, Software, Vm, VmOptions};
use std::time::Instant;

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let manifest = |dir: &str| -> Software {
        let text = std::fs::read_to_string(format!("{dir}/manifest.json")).expect("manifest");
        let mut json: serde_json::Value = serde_json::from_str(&text).expect("manifest is JSON");
        json["root"] = std::env::current_dir().expect("cwd").join(dir).to_string_lossy().into();
        serde_json::from_value(json).expect("manifest")
    };
    let mut software = vec![manifest("npm/common")];
    while args.first().is_some_and(|arg| arg == "--software") {
        let text = std::fs::read_to_string(&args[1]).expect("manifest");
        software.push(serde_json::from_str(&text).expect("manifest"));
        args.drain(..2);
    }
    let options = VmOptions { software, ..VmOptions::default() };
    let engine = EngineOptions { module_cache: Some("dist/modules".into()), snapshot: Some("dist/v8-snapshot.bin".into()) };
    for round in 0..args.len() {
        let start = Instant::now();
        let vm = Vm::create(options.clone(), &engine).expect("boots");
        let created = start.elapsed();
        let request: SpawnRequest = vm.shell_request(&args[round]);
        let result = agentos::host::runtime().block_on(async {
            let process = vm.spawn(&request).await.expect("spawns");
            process.run(&ExecOptions::default(), None).await.expect("runs")
        });
        println!("{}{}", String::from_utf8_lossy(&result.stdout), String::from_utf8_lossy(&result.stderr));
        println!("-- {:?}, created in {created:?}, done in {:?}", result.status, start.elapsed());
    }
}
