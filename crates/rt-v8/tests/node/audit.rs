//! Nothing comes into an isolate that `data/ops.tsv` does not name.

use agentos_rt_v8::audit;
use agentos_rt_v8::extensions::policy::{Class, Kind, table};
use std::collections::BTreeSet;

fn kind(text: &str) -> Kind {
    match text {
        "op" => Kind::Op,
        "object" => Kind::Object,
        _ => Kind::File,
    }
}

#[test]
fn every_operation_class_and_file_of_the_pinned_crates_is_classified() {
    let found = audit::names();
    let unknown: Vec<_> = found.iter().filter(|(k, name)| table().get(name.as_str()).is_none_or(|(found, _)| *found != kind(k))).collect();
    assert!(unknown.is_empty(), "add to data/ops.tsv: {unknown:?}");
}

#[test]
fn the_table_names_nothing_that_is_gone() {
    let found: BTreeSet<String> = audit::names().into_iter().map(|(_, name)| name).collect();
    let gone: Vec<_> = table().keys().filter(|name| !found.contains(**name)).collect();
    assert!(gone.is_empty(), "remove from data/ops.tsv: {gone:?}");
}

#[test]
fn what_is_marked_as_replaced_is_replaced() {
    let marked: BTreeSet<&str> = table().iter().filter(|(_, (_, class))| *class == Class::Replace).map(|(name, _)| *name).collect();
    let ours: BTreeSet<&str> = audit::replaced().into_iter().collect();
    assert_eq!(marked, ours);
}

#[test]
fn classes_and_operations_that_reach_the_host_are_denied() {
    for name in [
        "TCPWrap",
        "PipeWrap",
        "TTY",
        "WasiContext",
        "op_panic",
        "op_v8_set_flags_from_string",
        "op_napi_open",
        "op_net_connect_tcp",
        "op_inspector_open",
        "op_run",
        "op_node_udp_open",
    ] {
        assert_eq!(table().get(name).map(|(_, class)| *class), Some(Class::Deny), "{name}");
    }
}
