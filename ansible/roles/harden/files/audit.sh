# shellcheck shell=bash disable=SC2016,SC2317 # programs for awk; functions called by name, through check
# Checks rules whose breach a role must not mend by itself, because mending means
# deleting somebody's account or file. HARDEN_RULES holds the numbers of the active
# rules. Prints one line per breach and nothing when all is well.
active=" $HARDEN_RULES "
on() { case "$active" in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
report() { while IFS= read -r line; do [ -n "$line" ] && echo "rule $1: $line"; done; }
check() { on "$1" && "${@:2}" 2>&1 | report "$1"; }

twice() { cut -d: -f"$2" "$1" | sort | uniq -d | sed "s|^|more than once in $1: |"; }
users() { awk -F: "$1" /etc/passwd; }

apparmor_on() { grep -qx Y /sys/module/apparmor/parameters/enabled || echo "AppArmor is not enabled in the running kernel"; }
apparmor_enforces() { grep -s '(complain)' /sys/kernel/security/apparmor/profiles | sed 's/$/ only complains/'; }
sudo_asks() { grep -rEs '^[^#]*!authenticate' /etc/sudoers /etc/sudoers.d; }
pam_has() { grep -Eqs "^\s*$2\s.*$3" "/etc/pam.d/$1" || echo "/etc/pam.d/$1 has no line for $3"; }
pam_lacks() { grep -Es "pam_unix\.so.*\b$1\b" /etc/pam.d/common-{account,auth,password,session,session-noninteractive}; }
pam_unix() {
  pam_has common-account account pam_unix.so
  pam_has common-auth auth pam_unix.so
  pam_has common-password password pam_unix.so
  pam_has common-session session pam_unix.so
}
future_passwords() {
  awk -F: -v today="$(($(date +%s) / 86400))" '$3 > today { print $1 " changed its password in the future" }' /etc/shadow
}
root_password() { passwd -S root | grep -Eq '^root (L|P)' || echo "root has neither a password nor a lock"; }
root_path() {
  local dir
  for dir in $(runuser -l root -c 'echo "$PATH"' | tr : ' '); do
    [ "$dir" = . ] && echo "root's path holds the current folder"
    [ -d "$dir" ] && find -L "$dir" -maxdepth 0 \( -perm /022 -o ! -user root \) -printf '%p in the path of root is writable by others\n'
  done
}
system_shells() {
  local min
  min=$(awk '$1 == "UID_MIN" { print $2 }' /etc/login.defs)
  awk -F: -v min="${min:-1000}" '
    NR == FNR { if (/^\// && !/nologin/) shell[$1]; next }
    ($3 < min || $3 == 65534) && $1 != "root" && ($7 in shell) { print $1 " can log in with " $7 }' /etc/shells /etc/passwd
}
locked_without_shell() {
  awk -F: '
    FILENAME == "/etc/shells" { if (/^\// && !/nologin/) shell[$1]; next }
    FILENAME == "/etc/shadow" { if ($2 !~ /^[!*]/) open[$1]; next }
    $1 != "root" && !($7 in shell) && ($1 in open) { print $1 " has no login shell but is not locked" }' \
    /etc/shells /etc/shadow /etc/passwd
}
journal_runs() { systemctl is-active --quiet systemd-journald || echo "systemd-journald does not run"; }
missing_groups() {
  awk -F: 'NR == FNR { group[$3]; next } !($4 in group) { print $1 " is in the unknown group " $4 }' /etc/group /etc/passwd
}
shadow_members() {
  awk -F: '$1 == "shadow" && $4 { print "members of shadow: " $4 }' /etc/group
  users "\$4 == $(awk -F: '$1 == "shadow" { print $3 }' /etc/group) { print \$1 \" has shadow as its main group\" }"
}
homes() {
  users '$3 >= 1000 && $3 != 65534 { print $1 " " $6 }' | while read -r user home; do
    if [ ! -d "$home" ]; then echo "$user has no home folder $home"; continue; fi
    find "$home" -maxdepth 0 \( ! -user "$user" -o -perm /027 \) -printf "home of $user: %p is %M %u\n"
  done
}
dot_files() {
  users '($3 >= 1000 && $3 != 65534) || $1 == "root" { print $1 " " $6 }' | while read -r user home; do
    [ -d "$home" ] || continue
    find "$home" -xdev -maxdepth 1 -name '.*' -type f \
      \( -name .rhosts -o -name .forward -o -name .netrc -o -perm /022 -o ! -user "$user" \) -printf '%p is %M %u\n'
  done
}
# One walk over the disk serves both rules: it is the dearest check of all.
walk() {
  find / -xdev \( -path /tmp -o -path /var/tmp \) -prune -o \
    \( -type f -perm -0002 -o -type d -perm -0002 ! -perm -1000 \) -printf '7.1.11 %p can be written by everybody\n' -o \
    \( -nouser -o -nogroup \) -printf '7.1.12 %p has no owner or group\n' | while read -r rule line; do
    on "$rule" && echo "rule $rule: $line"
  done
}

check 1.3.1.2 apparmor_on
check 1.3.1.3 apparmor_enforces
check 5.2.5 sudo_asks
check 5.3.2.1 pam_unix
check 5.3.2.2 pam_has common-auth auth pam_faillock.so
check 5.3.2.3 pam_has common-password password pam_pwquality.so
check 5.3.2.4 pam_has common-password password pam_pwhistory.so
check 5.3.3.4.1 pam_lacks nullok
check 5.3.3.4.2 pam_lacks remember=
check 5.3.3.4.3 pam_has common-password password 'pam_unix\.so.*(yescrypt|sha512)'
check 5.3.3.4.4 pam_has common-password password 'pam_unix\.so.*use_authtok'
check 5.4.1.6 future_passwords
check 5.4.2.1 users '$3 == 0 && $1 != "root" { print $1 " has user id 0" }'
check 5.4.2.2 users '$4 == 0 && $1 !~ /^(root|sync|shutdown|halt|operator)$/ { print $1 " has root as its main group" }'
check 5.4.2.3 awk -F: '$3 == 0 && $1 != "root" { print "group " $1 " has id 0" }' /etc/group
check 5.4.2.4 root_password
check 5.4.2.5 root_path
check 5.4.2.7 system_shells
check 5.4.2.8 locked_without_shell
check 6.1.1.1.1 journal_runs
check 7.2.1 users '$2 != "x" { print $1 " keeps its password in /etc/passwd" }'
check 7.2.2 awk -F: '$2 == "" { print $1 " has an empty password" }' /etc/shadow
check 7.2.3 missing_groups
check 7.2.4 shadow_members
check 7.2.5 twice /etc/passwd 3
check 7.2.6 twice /etc/group 3
check 7.2.7 twice /etc/passwd 1
check 7.2.8 twice /etc/group 1
check 7.2.9 homes
check 7.2.10 dot_files
{ on 7.1.11 || on 7.1.12; } && walk
exit 0
