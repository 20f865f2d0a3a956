load helper

@test "records a visit" {
  run record "/"
  [ "$status" -eq 0 ]
}
