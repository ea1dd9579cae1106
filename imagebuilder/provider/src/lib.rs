//! What a cloud has to be able to do: the trait, a fake of it, and the contract suite.
//!
//! No type of any cloud SDK appears here.
