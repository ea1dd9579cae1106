//! The same clusters in another order: what QEMU's writers in parallel make of one disk.

use crate::files::{CLUSTER, Cluster, apply, disk, noise, plan, qcow2};

fn clusters() -> Vec<Cluster> {
    let packed = |seed| Cluster::Packed(noise(seed, 20_000 + 777 * seed as usize));
    let whole = |seed| Cluster::Whole(noise(seed, CLUSTER));
    let mut clusters: Vec<Cluster> = (0..20).map(packed).collect();
    clusters.extend((20..25).map(whole));
    clusters
}

#[test]
fn the_order_of_clusters_does_not_matter() {
    let clusters = clusters();
    let in_order: Vec<usize> = (0..clusters.len()).collect();
    // Whole clusters come among packed ones at other places, and so does the room before them.
    let mixed: Vec<usize> = (0..clusters.len())
        .map(|at| at * 7 % clusters.len())
        .collect();
    let (one, other) = (qcow2(&clusters, &in_order), qcow2(&clusters, &mixed));
    assert_ne!(one.len(), other.len(), "they differ in padding as well");
    let here = [disk(&one)];
    let plan = plan(&other, &here);
    // The table that says where the clusters are is all that is new.
    assert!(
        plan.bytes_remote() <= clusters.len() as u64 * 8,
        "{:?}",
        plan.fetches()
    );
    assert!(apply(&plan, &here, &other) == other);
}

#[test]
fn a_changed_cluster_costs_itself() {
    let mut clusters = clusters();
    let order: Vec<usize> = (0..clusters.len()).collect();
    let here = [disk(&qcow2(&clusters, &order))];
    clusters[9] = Cluster::Packed(noise(99, 30_001));
    let other = qcow2(&clusters, &order);
    let plan = plan(&other, &here);
    assert!(
        plan.bytes_remote() <= 30_001 + clusters.len() as u64 * 8,
        "{:?}",
        plan.fetches()
    );
    assert!(apply(&plan, &here, &other) == other);
}

#[test]
fn two_files_give_what_neither_has_alone() {
    let clusters = clusters();
    let order: Vec<usize> = (0..clusters.len()).collect();
    let wanted = qcow2(&clusters, &order);
    let half = |range: std::ops::Range<usize>| {
        let order: Vec<usize> = (0..range.len()).collect();
        disk(&qcow2(&clusters[range], &order))
    };
    let here = [half(0..13), half(13..clusters.len())];
    let plan = plan(&wanted, &here);
    assert!(plan.bytes_remote() < 512, "{:?}", plan.fetches());
    assert!(apply(&plan, &here, &wanted) == wanted);
}
