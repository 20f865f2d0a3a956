//! A SQLite file system that fails on purpose, driven by the same countdown as
//! [`super::faulty`]. Everything else is done by the default file system: its
//! tables of functions are copied, and only those that open, write, sync,
//! truncate and delete are replaced. Nothing is truly synced, for speed.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use rusqlite::ffi::{
    SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR_DELETE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE,
    SQLITE_IOERR_WRITE, SQLITE_OK, sqlite3_file, sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find,
    sqlite3_vfs_register,
};

use super::faulty::{Fault, Faults};

/// The default file system's table, followed by what the replaced functions need.
#[repr(C)]
struct FaultyVfs {
    vfs: sqlite3_vfs,
    base: *mut sqlite3_vfs,
    faults: &'static Faults,
}

/// The same for one open file.
#[repr(C)]
struct FaultyMethods {
    methods: sqlite3_io_methods,
    base: *const sqlite3_io_methods,
    faults: &'static Faults,
}

/// Registers a file system that fails as `faults` says, for the life of the
/// process. Answers its name.
pub(crate) fn register(faults: Arc<Faults>) -> &'static str {
    let address = Arc::as_ptr(&faults) as usize;
    // SQLite keeps pointers to all of these for the life of the process.
    let faults: &'static Faults = Box::leak(Box::new(faults));
    let name: &'static str = Box::leak(format!("faulty-{address:x}").into_boxed_str());
    let c_name: &'static CString = Box::leak(Box::new(CString::new(name).unwrap_or_default()));
    // SAFETY: a null name asks for the default file system, whose table is static;
    // all but the first fields of the copy are what the default's functions expect,
    // and the copy is leaked, so it outlives the registration.
    unsafe {
        let base = sqlite3_vfs_find(ptr::null());
        let mut vfs = *base;
        vfs.zName = c_name.as_ptr();
        vfs.pNext = ptr::null_mut();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        let faulty = Box::leak(Box::new(FaultyVfs { vfs, base, faults }));
        sqlite3_vfs_register(&mut faulty.vfs, 0);
    }
    name
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes the table registered above, which is the first field
    // of a `FaultyVfs`, and memory for a file of the default file system.
    unsafe {
        let vfs = &*vfs.cast::<FaultyVfs>();
        (*file).pMethods = ptr::null();
        if vfs.faults.next().is_some() {
            return SQLITE_CANTOPEN;
        }
        let Some(base_open) = (*vfs.base).xOpen else {
            return SQLITE_CANTOPEN;
        };
        let result = base_open(vfs.base, name, file, flags, out_flags);
        if !(*file).pMethods.is_null() {
            let base = (*file).pMethods;
            let mut methods = *base;
            methods.xWrite = Some(write);
            methods.xSync = Some(sync);
            methods.xTruncate = Some(truncate);
            let faults = vfs.faults;
            let faulty = Box::leak(Box::new(FaultyMethods {
                methods,
                base,
                faults,
            }));
            (*file).pMethods = &faulty.methods;
        }
        result
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    // SAFETY: as in `open`.
    unsafe {
        let vfs = &*vfs.cast::<FaultyVfs>();
        match ((*vfs.base).xDelete, vfs.faults.next()) {
            (Some(base_delete), None) => base_delete(vfs.base, name, sync_dir),
            _ => SQLITE_IOERR_DELETE,
        }
    }
}

/// The table that `open` gave to a file.
unsafe fn methods_of<'a>(file: *mut sqlite3_file) -> &'a FaultyMethods {
    // SAFETY: SQLite calls the functions of a file's table with that file, and
    // `open` set it to the first field of a leaked `FaultyMethods`.
    unsafe { &*(*file).pMethods.cast::<FaultyMethods>() }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: see `methods_of`; the arguments go to the default's function as
    // they came, or with a smaller amount.
    unsafe {
        let methods = methods_of(file);
        let Some(base_write) = (*methods.base).xWrite else {
            return SQLITE_IOERR_WRITE;
        };
        match methods.faults.next() {
            None => base_write(file, bytes, amount, offset),
            Some(Fault::NoSpace) => SQLITE_FULL,
            Some(Fault::Io | Fault::Kill) => SQLITE_IOERR_WRITE,
            Some(Fault::ShortWrite) => {
                base_write(file, bytes, amount / 2, offset);
                SQLITE_IOERR_WRITE
            }
        }
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: see `methods_of`.
    let methods = unsafe { methods_of(file) };
    match methods.faults.next() {
        None => SQLITE_OK,
        Some(_) => SQLITE_IOERR_FSYNC,
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: i64) -> c_int {
    // SAFETY: see `methods_of`.
    unsafe {
        let methods = methods_of(file);
        match ((*methods.base).xTruncate, methods.faults.next()) {
            (Some(base_truncate), None) => base_truncate(file, size),
            _ => SQLITE_IOERR_TRUNCATE,
        }
    }
}
