//! The examples under each command's `--help`.

pub(super) const COMPLETION: &str = "\
Examples:
  matchbook completion bash > /etc/bash_completion.d/matchbook
  matchbook completion zsh > ~/.zfunc/_matchbook
  matchbook completion fish > ~/.config/fish/completions/matchbook.fish";

pub(super) const MAN: &str = "\
Examples:
  matchbook man | man -l -
  matchbook man --out /usr/local/share/man/man1";
