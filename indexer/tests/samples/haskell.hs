{-# LANGUAGE LambdaCase #-}
-- | Counts visits.
module Visits (record, Counter) where

import qualified Data.Map as Map

-- | Visits by page.
data Counter = Counter
  { visits :: Map.Map String Int
  , limit :: Int
  }

class Total a where
  total :: a -> Int

instance Total Counter where
  total = sum . Map.elems . visits

-- | Records one visit.
record :: String -> Counter -> Counter
record page counter = counter { visits = Map.insertWith add page 1 (visits counter) }
  where
    add new old = clamp (limit counter) (new + old)

clamp :: Int -> Int -> Int
clamp 0 _ = 0
clamp most visits
  | visits > most = most
  | otherwise = visits

newtype Page = Page String

type Pages = [Page]
