//! Builds this crate again when the Ansible collection that it carries changes.

fn main() {
    println!("cargo:rerun-if-changed=../../ansible");
    println!("cargo:rerun-if-changed=migrations");
}
