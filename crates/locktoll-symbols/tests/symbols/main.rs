//! Addresses of programs that are compiled here, whose names and lines are known.
#![cfg(target_os = "linux")]

mod build;
mod damage;
mod debug_files;
mod names;
