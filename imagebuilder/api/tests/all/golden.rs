//! Fixed digests: if one of these changes, every image in the world gets a new
//! signature, and `SCHEMA_VERSION` has to be raised in the same commit.

use crate::context::Context;

#[test]
fn the_ids_of_the_example_never_change() {
    let chain = Context::example().chain();
    let ids: Vec<_> = chain
        .links()
        .iter()
        .map(|link| (link.inputs.name(), link.id.to_string()))
        .collect();
    let golden = [
        (
            "base",
            "3d58a57de098a149c3c384b12649c3b79c2e4da7ea1de87ccc9e73170abf350b",
        ),
        (
            "harden",
            "a6fb63d11a25e31d07343ec6feaf1289696ee597ce3d6b141e32ee64cf460881",
        ),
        (
            "kubernetes",
            "92338291273fb39da8998b81b8e056aa3e0f1d11d6ce16d566be0e244863c9e9",
        ),
        (
            "roles debian-13",
            "bd8c31c9e6ef61fa7aa3601817d2ea52794080a44c2912e8f59dc862d05b8bdf",
        ),
        (
            "roles addon",
            "a355a06d44ce4eb284e2ef0f1b648072a4ed3fa8ba36a10240b1df9196ada1d0",
        ),
        (
            "seal",
            "7b4a3e6550deea0421d1723c51bc225b08ff027af325576e69926c969522fa03",
        ),
    ];
    assert_eq!(
        ids,
        golden.map(|(name, id)| (name.to_owned(), id.to_owned()))
    );
}

#[test]
fn the_ids_without_kubernetes_never_change() {
    let mut context = Context::example();
    context.kubernetes = None;
    assert_eq!(
        context.chain().signature().as_str(),
        "0458139b28c189c07ec074a67ec4a8352accb89da46742128ce26f19ba840aef"
    );
}
