//! Environment variables: per process, where upstream changes the host's.

use super::Environment;
use deno_core::{OpDecl, OpState, op2};
use deno_error::JsErrorBox;
use std::collections::BTreeMap;

/// Most bytes of one variable, name and value, and of all of them: as ARG_MAX of execve(2), so that what is set can be passed on.
const ENV_MAX: usize = 2 << 20;

#[op2]
#[serde]
fn op_env_all(state: &mut OpState) -> BTreeMap<String, String> {
    state.borrow::<Environment>().0.clone()
}

#[op2]
#[string]
fn op_env_get(state: &mut OpState, #[string] key: &str) -> Option<String> {
    state.borrow::<Environment>().0.get(key).cloned()
}

#[op2(fast)]
fn op_env_set(state: &mut OpState, #[string] key: &str, #[string] value: &str) -> Result<(), JsErrorBox> {
    if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
        return Ok(()); // Node ignores what setenv(3) would refuse.
    }
    let env = &mut state.borrow_mut::<Environment>().0;
    let used: usize = env.iter().map(|(k, v)| k.len() + v.len() + 2).sum();
    if used + key.len() + value.len() + 2 > ENV_MAX {
        return Err(JsErrorBox::range_error("The environment is too large"));
    }
    env.insert(key.into(), value.into());
    Ok(())
}

#[op2(fast)]
fn op_env_delete(state: &mut OpState, #[string] key: &str) {
    state.borrow_mut::<Environment>().0.remove(key);
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![
        ("op_env", op_env_all()),
        ("op_get_env", op_env_get()),
        ("op_get_env_no_permission_check", op_env_get()),
        ("op_set_env", op_env_set()),
        ("op_delete_env", op_env_delete()),
    ]
}
