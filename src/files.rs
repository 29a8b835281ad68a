//! `NativeVm`, the files: each call runs on a thread that may wait for a disk, because a mount may be a directory of the host.

use crate::convert::{JsDirEntry, JsStat};
use crate::promise::blocking;
use crate::vm::NativeVm;
use agentos::Result;
use agentos::files::Files;
use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue, Uint8Array};
use napi_derive::napi;

impl NativeVm {
    fn files<'env, T, V>(&self, env: &'env Env, access: impl FnOnce(&Files) -> Result<T> + Send + 'static, convert: fn(T) -> V) -> napi::Result<Object<'env>>
    where
        T: Send + 'static,
        V: ToNapiValue + 'static,
    {
        let vm = self.owned();
        blocking(env, move || access(&vm.files()?), convert)
    }
}

#[napi]
impl NativeVm {
    /// The content of a file. The bytes are handed over, not copied.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn read_file<'env>(&self, env: &'env Env, path: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.read(&path), Uint8Array::from)
    }

    /// Writes a file whole. The bytes are read in place until the promise settles.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn write_file<'env>(&self, env: &'env Env, path: String, content: Uint8Array, mode: Option<u32>) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.write(&path, &content, mode), |()| ())
    }

    /// Makes a directory.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn mkdir<'env>(&self, env: &'env Env, path: String, recursive: bool) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.mkdir(&path, recursive), |()| ())
    }

    /// Names in a directory.
    #[napi(ts_return_type = "Promise<NativeDirEntry[]>")]
    pub fn readdir<'env>(&self, env: &'env Env, path: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.readdir(&path), |entries| entries.into_iter().map(JsDirEntry::from).collect::<Vec<_>>())
    }

    /// Attributes; symbolic links are followed.
    #[napi(ts_return_type = "Promise<NativeStat>")]
    pub fn stat<'env>(&self, env: &'env Env, path: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.stat(&path), JsStat::from)
    }

    /// Attributes of a symbolic link itself.
    #[napi(ts_return_type = "Promise<NativeStat>")]
    pub fn lstat<'env>(&self, env: &'env Env, path: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.lstat(&path), JsStat::from)
    }

    /// Whether something is there.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn exists<'env>(&self, env: &'env Env, path: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.exists(&path), |exists| exists)
    }

    /// Removes a file or directory.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn remove<'env>(&self, env: &'env Env, path: String, recursive: bool) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.delete(&path, recursive), |()| ())
    }

    /// Renames.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn rename<'env>(&self, env: &'env Env, from: String, to: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.rename(&from, &to), |()| ())
    }

    /// Copies a file, or with `recursive` a directory.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn copy<'env>(&self, env: &'env Env, from: String, to: String, recursive: bool) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.copy(&from, &to, recursive), |()| ())
    }

    /// Makes a symbolic link.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn symlink<'env>(&self, env: &'env Env, target: String, path: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.symlink(&target, &path), |()| ())
    }

    /// The target of a symbolic link.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn readlink<'env>(&self, env: &'env Env, path: String) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.readlink(&path), |target| target)
    }

    /// Changes permission bits.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn chmod<'env>(&self, env: &'env Env, path: String, mode: u32) -> napi::Result<Object<'env>> {
        self.files(env, move |files| files.chmod(&path, mode), |()| ())
    }
}
