(** Visits by page. *)
type counter

(** Records one visit. *)
val record : counter -> unit

module Pages : sig
  val home : string
end
