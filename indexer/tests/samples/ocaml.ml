open Printf

(** How many visits are remembered. *)
let limit = 100

(** Visits by page. *)
type counter = {
  page : string;
  mutable visits : int;
}

exception Too_many of int

let clamp visits = min visits limit

(** Records one visit. *)
let record counter =
  let next = counter.visits + 1 in
  if next > limit then raise (Too_many next);
  counter.visits <- clamp next

module Pages = struct
  let home = "/"
  let about () = home ^ "about"
end

module type TOTAL = sig
  val total : unit -> int
end
