//! `packyard config reference`.

use crate::error::CliError;
use crate::output::print;
use crate::settings::Settings;

pub(crate) fn run() -> Result<(), CliError> {
    print(&Settings::reference())
}
