//! Tells cargo that the migrations are part of the crate's source.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
