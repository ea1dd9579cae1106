//! Files cut, planned and put together; one binary, one module for each concern.

mod bounds;
mod files;
mod order;
mod real;
