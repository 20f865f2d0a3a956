defmodule Visits.Counter do
  @moduledoc """
  Visits by page.
  """

  @limit 100

  defstruct visits: %{}

  @doc """
  Records one visit.
  """
  @spec record(t(), String.t()) :: t()
  def record(%__MODULE__{} = counter, page) do
    visits = Map.update(counter.visits, page, 1, &clamp(&1 + 1))
    %{counter | visits: visits}
  end

  defp clamp(visits) when visits > @limit, do: @limit
  defp clamp(visits), do: visits

  defmacro visit(page) do
    quote do: record(counter, unquote(page))
  end
end

defmodule Visits.CounterTest do
  use ExUnit.Case

  test "records a visit" do
    assert record(%Counter{}, "/")
  end
end
