//! A bar chart as SVG: one bar for each server, its figure beside it. Readable in both light and
//! dark pages, and by programs that read titles aloud.

use super::table::short;
use super::{Bar, Figure};

const WIDTH: f64 = 640.0;
const LABELS: f64 = 190.0;
const FIGURES: f64 = 130.0;
const ROW: f64 = 30.0;
const TOP: f64 = 44.0;

pub(super) fn render(figure: &Figure) -> String {
    let height = TOP + ROW * figure.bars.len() as f64 + 12.0;
    let longest = figure.bars.iter().map(|bar| bar.median).fold(0.0, f64::max);
    let title = escape(&format!("{} ({})", figure.title, figure.unit));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"14\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"26\" font-size=\"15\" font-weight=\"bold\" fill=\"#1b1b1b\">{title}</text>\n"
    );
    for (number, bar) in figure.bars.iter().enumerate() {
        svg.push_str(&row(bar, TOP + ROW * number as f64, longest));
    }
    svg.push_str("</svg>\n");
    svg
}

fn row(bar: &Bar, y: f64, longest: f64) -> String {
    let room = WIDTH - LABELS - FIGURES;
    let length = if longest > 0.0 {
        (room * bar.median / longest).max(1.0)
    } else {
        1.0
    };
    let colour = if bar.name.starts_with("packyard") {
        "#1f6f8b"
    } else {
        "#9aa5ab"
    };
    let baseline = y + 19.0;
    format!(
        "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\" fill=\"#1b1b1b\">{}</text>\n\
         <rect x=\"{LABELS}\" y=\"{}\" width=\"{length:.1}\" height=\"20\" fill=\"{colour}\"/>\n\
         <text x=\"{:.1}\" y=\"{baseline}\" fill=\"#1b1b1b\">{}</text>\n",
        LABELS - 8.0,
        escape(&bar.name),
        y + 4.0,
        LABELS + length + 8.0,
        short(bar.median),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_longest_bar_fills_the_room_and_text_is_text() {
        let svg = super::render(&super::super::example().figures[0]);
        assert!(svg.contains("Pull of a &lt;blob&gt; (GiB/s)"), "{svg}");
        assert!(
            svg.contains("width=\"320.0\"") && svg.contains("width=\"160.0\""),
            "{svg}"
        );
    }
}
