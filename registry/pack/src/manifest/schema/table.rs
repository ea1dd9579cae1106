//! The rules as a table, and the shapes of which it is made.

use crate::Layer;

const CLOUD_TYPES: &[&str] = &[
    "all",
    "aws",
    "azure",
    "gcp",
    "vsphere",
    "openstack",
    "baremetal",
    "maas",
    "aks",
    "eks",
    "tencent",
    "tke",
    "edge",
    "libvirt",
    "edge-native",
    "coxedge",
    "custom",
];
const DEPENDENCY_TYPES: &[&str] = &["required", "optional", "notSupported", "upgrade"];
const RESOURCE_TYPES: &[&str] = &["cpu", "memory", "diskSize"];
const SCHEDULE_TYPES: &[&str] = &["all", "master", "control-plane", "worker"];
const LAYERS: &[&str] = &["kernel", "os", "k8s", "cni", "csi", "addon"];

/// What a value has to be.
pub(super) enum Shape {
    /// Any string.
    Text,
    /// A string that is not empty.
    FilledText,
    /// One of these strings; the flag tells whether another word blocks.
    Word(&'static [&'static str], bool),
    /// A number.
    Number,
    /// An object whose values are strings.
    TextMap,
    /// An array of one shape.
    List(&'static Self),
    /// An object: key, required, shape.
    Object(&'static [(&'static str, Need, Self)]),
}

/// Whether a key has to be there.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Need {
    /// Nothing works without it.
    Must,
    /// The schema asks for it; readers live without it.
    Should,
    May,
}

const DEPENDENCY: Shape = Shape::Object(&[
    ("packName", Need::Should, Shape::Text),
    ("layer", Need::Should, Shape::Word(LAYERS, false)),
    ("type", Need::Should, Shape::Word(DEPENDENCY_TYPES, false)),
    ("minVersion", Need::May, Shape::Text),
    ("maxVersion", Need::May, Shape::Text),
]);

const COMPONENT: Shape = Shape::Object(&[
    (
        "scheduleType",
        Need::Should,
        Shape::Word(SCHEDULE_TYPES, false),
    ),
    ("resourceRequestParamRef", Need::May, Shape::Text),
    ("replicaCountParamRef", Need::May, Shape::Text),
]);

const RESOURCE: Shape = Shape::Object(&[
    ("type", Need::Should, Shape::Word(RESOURCE_TYPES, false)),
    ("minLimit", Need::May, Shape::Number),
    ("components", Need::May, Shape::List(&COMPONENT)),
]);

/// The whole file.
pub(super) const PACK: Shape = Shape::Object(&[
    ("name", Need::Must, Shape::FilledText),
    ("displayName", Need::Must, Shape::FilledText),
    ("version", Need::Must, Shape::FilledText),
    ("layer", Need::Must, Shape::Word(LAYERS, true)),
    (
        "cloudTypes",
        Need::May,
        Shape::List(&Shape::Word(CLOUD_TYPES, false)),
    ),
    ("cloudType", Need::May, Shape::Word(CLOUD_TYPES, false)),
    ("annotations", Need::May, Shape::TextMap),
    ("charts", Need::May, Shape::List(&Shape::Text)),
    ("kubeManifests", Need::May, Shape::List(&Shape::Text)),
    ("ansibleRoles", Need::May, Shape::List(&Shape::Text)),
    ("addonType", Need::May, Shape::Text),
    ("addonSubType", Need::May, Shape::Text),
    ("group", Need::May, Shape::Text),
    ("eol", Need::May, Shape::Text),
    (
        "constraints",
        Need::May,
        Shape::Object(&[
            ("dependencies", Need::May, Shape::List(&DEPENDENCY)),
            ("resources", Need::May, Shape::List(&RESOURCE)),
        ]),
    ),
]);

// The table of words and the type must not drift apart.
const _: () = assert!(LAYERS.len() == Layer::ALL.len());
